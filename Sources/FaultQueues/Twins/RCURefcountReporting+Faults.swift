import FaultModel

// What the broken twins of rcu-refcount do instead.

extension RCURefcountReporting {
    /// `removalFrees`: groups that workers and handlers still have.
    @usableFromInline @inline(never)
    func freePending(_ lists: SharedCells<Parameter.Lists>, _ handle: inout Nodes.Pages) {
        var groups = groups.makeHandle()
        var place = lists.pointee.pending.first
        while let group = place {
            place = PendingGroups.next(after: group)
            lists.pointee.pending.remove(group)
            core.port.send(.invalid, to: group.pointee.last)
            handle.freePages(of: group)
            groups.free(group)
        }
        account(groups.counts)
    }

    /// `waitsForSilent`: with the lock held on entry and on return, until nothing of the PASID is
    /// pending.
    @usableFromInline @inline(never)
    func waitForOwners(_ parameter: UnsafeMutablePointer<Parameter>, _ bits: UInt64) {
        var wait = SpinWait()
        while true {
            var isPending = false
            var place = parameter.pointee.lists.pointee.pending.first
            while let group = place {
                place = PendingGroups.next(after: group)
                if group.pointee.last.header & PageChain.pasidMask == bits { isPending = true }
            }
            guard isPending else { return }
            parameter.pointee.lock.unlock()
            wait.wait()
            parameter.pointee.lock.lock()
        }
    }
}

extension RCURefcountReporting.Worker {
    /// `unlockedPointer`: whoever removes the device between the two lines frees the lock.
    @usableFromInline @inline(never)
    mutating func respondUnlocked(
        _ group: UnsafeMutablePointer<FaultGroup>, _ code: ResponseCode
    ) -> RespondOutcome {
        var isPending = false
        // NO ORDER: that is the fault.
        let published = core.directory.find(group.pointee.last.requester).flatMap {
            core.places[$0].published.value.load(ordering: .relaxed)
        }
        Disturbance.gap()
        if let parameter = published {
            parameter.pointee.lock.lock()
            isPending = PendingGroups.holds(group)
            if isPending {
                parameter.pointee.lists.pointee.pending.remove(group)
                core.port.send(code, to: group.pointee.last)
            }
            parameter.pointee.lock.unlock()
        }
        pages.freePages(of: group)
        groups.free(group)
        return isPending ? .answered : .notPending
    }
}

extension RCUFaultParameter {
    /// `unlockedPointer`: frees without a grace period.
    @usableFromInline @inline(never)
    func putAtOnce() {
        // ORDER parameter.last-use, both sides, as in put().
        let left = users.value.wrappingSubtract(1, ordering: .acquiringAndReleasing).newValue
        if left == 0 { Unmanaged<AnyObject>.fromOpaque(memory).release() }
    }
}

extension UnsafeMutablePointer<FaultGroup> {
    /// `pagesReversed`: the newest first, as the partial list has them.
    @usableFromInline @inline(never)
    func reversePages() {
        var reversed: UnsafeMutablePointer<PageFault>?
        var place = pointee.pages
        while let page = place {
            place = page.pointee.next
            page.pointee.next = reversed
            reversed = page
        }
        pointee.pages = reversed
    }
}
