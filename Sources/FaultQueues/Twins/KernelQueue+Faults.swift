import FaultModel

// What the broken twins of the schemes up to 2023 do instead.

extension FaultNodes {
    /// `freesLinked`: without taking them out of the list.
    @usableFromInline @inline(never)
    mutating func freeLinked(_ partial: SharedCells<FaultList>) {
        var place = partial.pointee.first
        while let node = place {
            place = node.pointee.next
            pages.free(node)
        }
    }

    /// `flushBreak`: the requests that match, up to the first that does not.
    @usableFromInline @inline(never)
    mutating func dropLeading(_ pattern: RequestPattern, in partial: SharedCells<FaultList>) {
        while let node = partial.pointee.first, pattern.matches(node.pointee.request) {
            partial.pointee.unlink(node, after: nil)
            pages.free(node)
        }
    }
}

extension KernelQueue {
    /// `earlyAssert`: the assertion at detach, which compares PASIDs and asks nobody to drain.
    @usableFromInline @inline(never)
    func warnOfPending(_ device: UnsafeMutablePointer<KernelDevice<Lock>>, _ pasid: PASID?) {
        device.pointee.parameterLock.lock()
        var count = 0
        for list in [device.pointee.pending, device.pointee.partial] {
            var place = list.pointee.first
            while let node = place {
                if node.pointee.request.pasidBits.rawValue == pasid?.rawValue ?? 0 { count += 1 }
                place = node.pointee.next
            }
        }
        device.pointee.parameterLock.unlock()
        if count > 0 { Complaints.note("a warning at detach: faults are pending") }
    }

    /// `flushDeadlock`: the drain waits for workers, whose answers wait for the lock held here.
    @usableFromInline @inline(never)
    func flushUnderLock(_ device: UnsafeMutablePointer<KernelDevice<Lock>>, _ pasid: PASID?) {
        device.pointee.deviceLock.lock()
        workqueue.drain()
        settle(device, pasid)
        device.pointee.deviceLock.unlock()
    }
}

extension ConsolidatedReporter {
    /// `handlerUnderLock`: the answer takes the lock that this thread holds.
    @usableFromInline @inline(never)
    func answerInside(_ group: UnsafeMutablePointer<FaultGroup>) {
        var worker = ConsolidatedWorker(queue)
        _ = worker.respond(group, .success)
        queue.retire(worker.nodes)
    }
}

extension KernelDevice {
    /// `failedAnswerBreaks`: the hardware takes one answer and fails the next.
    @usableFromInline @inline(never)
    func answerUntilFailure(_ pattern: RequestPattern, by port: ResponsePort) {
        var place = pending.pointee.first
        while let node = place {
            place = node.pointee.next
            guard pattern.matches(node.pointee.request) else { continue }
            _ = pending.pointee.remove(node, pattern)
            port.send(.invalid, to: node.pointee.request)
            return
        }
    }

    /// `lateAnswerByKey`: completes whatever group has the key now.
    @usableFromInline @inline(never)
    func answerFirstOfKey(
        _ group: UnsafeMutablePointer<FaultGroup>, _ code: ResponseCode, by port: ResponsePort
    ) -> RespondOutcome {
        let pattern = RequestPattern.group(of: group.pointee.last)
        var place = pending.pointee.first
        while let node = place {
            place = node.pointee.next
            guard pattern.matches(node.pointee.request) else { continue }
            _ = pending.pointee.remove(node, pattern)
            port.send(code, to: node.pointee.request)
            return .answered
        }
        return .notPending
    }
}
