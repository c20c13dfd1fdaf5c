# The rules of scripts/check-hot-loops. Reads, in this order, each announced by `step`: the schemes'
# subjects and types, the names of the measured loops, the symbols, the functions' frames, the
# disassembly. Prints a table; findings go to standard error, one a line.

function padded(address) { return substr("0000000000000000", 1, 16 - length(address)) address }

function finding(text) { print text >"/dev/stderr" }

function short(text) {
    gsub(/FaultQueues\.|Harness\.|Swift\./, "", text)
    return text
}

# A function by its name without its types, or by its address where it has no symbol.
function title(address) {
    if (!(address in name)) return "unnamed function at " address
    return short(name[address])
}

# A loop that a scheme reaches: the closure that leads to it, the operations that it must call, and
# those that it may. A name after a slash tells specialisations of one loop, or loops of one name,
# apart. An operation with a number behind "=" is called from exactly so many places.
function loop(subject, closure, loop_name, must, may, kinds, count, place, pair) {
    loop_of[subject, closure] = loop_name
    subject_of[loop_name] = subject
    count = split(must, kinds, " ")
    must = ""
    for (place = 1; place <= count; place++) {
        split(kinds[place], pair, "=")
        must = must (must == "" ? "" : " ") pair[1]
        if (2 in pair) exactly[loop_name, pair[1]] = pair[2]
        delete pair
    }
    must_call[loop_name] = must
    may_call[loop_name] = may
    known[function_of(loop_name)] = 1
    # Loops with fewer operations first: they tell the unnamed operations of the others apart.
    order[++loop_count] = loop_name
}

function function_of(loop_name) {
    sub(/\/.*/, "", loop_name)
    return loop_name
}

function ring(signature, within, loop_name, must, may) {
    loop("ring", "(" signature ") -> () in closure #" within " ", loop_name, must, may)
}

function reporting(number, signature, within, loop_name, must) {
    loop("reporting", "closure #" number " (inout Harness." signature ") -> () in closure #" \
        within " ", loop_name, must, "")
}

# A loop of a subject about lifetimes. `signature` is what its closure takes besides the burst.
function lifetime(subject, number, signature, within, loop_name, must) {
    loop(subject, "closure #" number " (inout Harness.ActorBurst" signature ") -> () in closure #" \
        within " ", loop_name, must, "")
}

# A closure outside the loops that calls one operation alone: it tells which function that is, also
# where it has no symbol.
function calls_one(subject, closure, kind) {
    operation_of[subject, "closure #" closure " in closure #1 "] = kind
}

BEGIN {
    producer = "inout Harness.ProducerBurst"
    consumer = "inout Harness.ConsumerBurst"
    requests = "Swift.UnsafeBufferPointer<Harness.ScheduledRequest>"
    ring(producer, 2, "measuredSaturation", "enqueue", "")
    ring(producer ", " requests, 2, "measuredReplay", "enqueue", "")
    ring(producer ", Swift.Int", 2, "measuredCalls", "enqueue", "")
    ring(consumer, 4, "measuredEchoes", "enqueue dequeue", "")
    ring(producer ", " consumer, 4, "measuredRoundTrips", "enqueue dequeue", "")
    ring(consumer, 3, "measuredDrain", "dequeue", "acknowledgeOverflow")
    known["measuredEmptyLoop"] = 1

    reports = "ReporterBurst"
    handles = "HandlerBurst"
    reporting(1, reports, 7, "measuredReports", "report=1")
    reporting(2, reports ", inout Harness.ChurnedReports", 7, "measuredChurnedReports", "report=1")
    reporting(5, "AnswerBurst", 8, "measuredAnswering", "respond=1")
    reporting(4, handles ", inout Harness.HandOverBurst", 8, "measuredHandingOver",
        "take=1 finish=1")
    reporting(3, handles ", inout Harness.AnswerBurst", 8, "measuredHolding",
        "take=1 respond=1 finish=1")
    reporting(1, handles, 8, "measuredHandling/plain", "take=1 respond=1 finish=1")
    reporting(2, handles, 8, "measuredHandling/varied", "take respond=1 finish=1")
    reporting(3, reports ", inout Harness." handles, 7, "measuredInlineReports/plain",
        "report=1 take=1 respond=1 finish=1")
    reporting(4, reports ", inout Harness." handles, 7, "measuredInlineReports/varied",
        "report=1 take=1 respond=1 finish=1")
    # One place for the backlog, one for the flushed PASID's own requests.
    reporting(5, reports ", inout Harness.FlushBurst", 7, "measuredFlushes", "report=2 flush=1")
    reporting(6, "FlushBurst, inout Harness.BystanderPace", 7, "measuredBystanderFlushes",
        "report=1 flush=1")
    loop("reporting", "closure #3 @Sendable (inout Harness.ChurnBurst) -> () in closure #3 ",
        "measuredChurn", "addDevice=1 removeDevice=1", "")
    loop("reporting", "closure #7 (inout Harness.FaultThreadBurst) -> () in closure #7 ",
        "measuredPipeline", "report=1 dequeue", "acknowledgeOverflow discardPartial")
    reporting(6, "ServingBurst", 8, "measuredServing", "take respond=1 finish=1")
    works = ", inout Harness.PASIDWork"
    lifetime("pasid", "1 @Sendable", works, 1, "measuredBinds", "bind=1 firstUse=1 use=1 unbind=1")
    lifetime("pasid", "2 @Sendable", works, 1, "measuredTaskLives",
        "clone=1 firstUse=1 use=1 exit=1")
    lifetime("pasid", "3 @Sendable", works, 1, "measuredExits", "unbind=1 exit=1")
    lifetime("pasid", "4 @Sendable", works, 1, "measuredProcesses",
        "begin=1 clone=1 bind=2 firstUse=2 use=10 unbind=3 exec=1 exit=2")
    part_of["measuredProcesses"] = "beginProcess"
    part_calls["measuredProcesses"] = "bind"
    calls_one("pasid", "6 @Sendable (Swift.Int, Swift.Int) -> ()", "begin")
    calls_one("pasid", "7 @Sendable (Swift.Int, Swift.Int) -> ()", "clone")
    calls_one("pasid", "8 @Sendable (Swift.Int) -> FaultQueues.FixUpOutcome", "firstUse")
    calls_one("pasid", "9 @Sendable (Swift.Int) -> FaultQueues.PASIDFate", "exit")
    calls_one("pasid", "10 @Sendable (Swift.Int) -> FaultQueues.BindOutcome", "bind")
    calls_one("pasid", "11 @Sendable (Swift.Int) -> FaultQueues.PASIDFate", "unbind")

    lifetime("attach-handle", 1, "", 2, "measuredLookups", "get=1 put=1")
    lifetime("attach-handle", 1, "", 3, "measuredChurn/handles", "detach=1 attach=1")
    calls_one("attach-handle", "1 (FaultQueues.HandlePlace, FaultQueues.HandleType, " \
        "Swift.UInt64) -> FaultQueues.AttachOutcome", "attach")
    calls_one("attach-handle",
        "4 @Sendable (FaultQueues.HandlePlace) -> FaultQueues.DetachOutcome", "detach")

    calls = ", inout Harness.ReleaseCalls"
    serving = ", inout Harness.ReleaseServing"
    lifetime("release", 1, serving, 7, "measuredAccesses", "access=1")
    lifetime("release", 1, serving, 6, "measuredLateFaults", "handle=1")
    lifetime("release", 2, calls, 5, "measuredBystanders", "access=1 exit=1")
    # Accesses make the backlog, and come before and after the release.
    lifetime("release", 1, calls, 5, "measuredReleases", "bind=1 access=3 exit=1 unbind=1")
    calls_one("release", "1 @Sendable () -> FaultQueues.SpaceKey?", "bind")
    calls_one("release", "2 @Sendable (FaultQueues.SpaceKey) -> FaultQueues.ExitOutcome", "exit")
    calls_one("release", "3 @Sendable (FaultQueues.SpaceKey) -> ()", "unbind")
    # How an inline reporter ends: with the loop of a worker.
    ends_with["measuredInlineReports/plain"] = "measuredHandling/plain"
    ends_with["measuredInlineReports/varied"] = "measuredHandling/varied"
    lifetime_kinds = "begin clone bind firstUse use unbind exec exit get put attach detach access" \
        " handle"
    lifetime_operation = "> of FaultQueues\\.(PASIDOwnership|SpaceRelease|[A-Za-z]+Handles)" \
        "\\.[A-Za-z.]+\\("
    split(lifetime_kinds, lifetimes, " ")
    for (place in lifetimes) is_lifetime[lifetimes[place]] = 1
    # Operations beside the flow of requests, which may allocate.
    split("flush addDevice removeDevice discardPartial", beside, " ")
    for (place in beside) is_beside[beside[place]] = 1
    # An object for the grace period at the handle's end, made where that can fail.
    is_beside["RCURefcountHandles", "attach"] = 1
    # Where a pipeline's loops take their time on purpose: devices, handlers, clocks.
    initializer["ring"] = "RingScheme"
    initializer["reporting"] = "ReportingScheme"
    initializer["pasid"] = "PASIDScheme"
    initializer["attach-handle"] = "HandleScheme"
    initializer["release"] = "ReleaseScheme"
    measured_part = "measured|(Ring|Reporting|PASID|Handle|Release)Scheme|\\.Producer|\\.Consumer" \
        "|Reporter\\.|Worker\\.|PASIDOwnership|Handles<|SpaceRelease"
    own_part = "^Harness\\.(FaultThreadBurst\\.(devicesAreFinished|publish)" \
        "|ServingBurst\\.(handle|answered))\\("
    forwarder = "partial apply forwarder for generic specialization <"
}

step == "schemes" {
    scheme[++scheme_count] = substr($0, length($1) + 2)
    scheme_subject[scheme_count] = $1
    next
}

step == "loops" {
    if (!($1 in known)) finding($1 ": a measured loop that this check does not know")
    declared[$1] = 1
    next
}

step == "symbols" {
    address = $1
    text = substr($0, length($1) + 2)
    if (!(address in name)) name[address] = text
    if (text ~ /^Harness\.measuredEmptyLoop\(/) empty_loop = address
    # Copying and freeing a scheme's description is not on any measured path.
    if (text ~ /^merged / && text !~ /^merged outlined .*Scheme\]?$/ && text ~ measured_part)
        finding("merged function in the binary: " short(text))
    if (index(text, forwarder) != 1) next
    for (subject in initializer)
        if (index(text, " in Harness." initializer[subject] ".init<") > 0) break
    if (index(text, " in Harness." initializer[subject] ".init<") == 0) next
    split_at = index(text, "> of closure #")
    type = first_argument(substr(text, length(forwarder) + 1, split_at - length(forwarder) - 1))
    text = substr(text, split_at)
    for (slot in loop_of) {
        split(slot, signature, SUBSEP)
        if (signature[1] == subject && index(text, signature[2]) > 0) {
            slot = type SUBSEP loop_of[slot]
            starts[slot] = starts[slot] " " address
        }
    }
    for (slot in operation_of) {
        split(slot, signature, SUBSEP)
        if (signature[1] == subject && index(text, "> of " signature[2]) == 1)
            direct[type, operation_of[slot]] = address
    }
    next
}

step == "frames" { frame[++frame_count] = $1; frame_end[$1] = $2; next }

# Keeps what leaves each function: calls, and jumps that are indirect or go elsewhere.
step == "code" && /^ *[0-9a-f]+:\t/ {
    split($0, field, "\t")
    address = field[1]
    gsub(/[ :]/, "", address)
    address = padded(address)
    while (at < frame_count && frame[at + 1] <= address) at++
    inside = frame[at]
    if (at == 0 || address >= frame_end[inside]) next
    instructions[inside]++
    text = field[2]
    is_switch = in_table(text)
    before_last = last
    last = text
    if (is_switch || text !~ /^(bnd |notrack |rep )*(call|j[a-z]+) /) next
    operand = text
    sub(/^(bnd |notrack |rep )*[a-z]+ +/, "", operand)
    if (operand ~ /^[0-9a-f]+ </) {
        target = operand
        sub(/ .*/, "", target)
        target = padded(target)
        if (text !~ /call/ && target >= inside && target < frame_end[inside]) next
        if (operand ~ /@plt/) {
            sub(/^[^<]*</, "", operand)
            sub(/@plt.*/, "", operand)
            target = "plt:" operand
        }
    } else {
        target = "indirect"
    }
    exits[inside]++
    exit_target[inside, exits[inside]] = target
    exit_text[inside, exits[inside]] = text
}

# Whether a jump through a register is that of a `switch`: to the sum of a table's address and the
# table's word for the case. It stays in its function.
function in_table(text, register) {
    if (text !~ /^(notrack )?jmp +\*%r/) return 0
    register = text
    sub(/.*\*/, "", register)
    return last ~ ("^add +%r[a-z0-9]+," register "$") &&
        before_last ~ ("^movslq +\\(%r[a-z0-9]+,%r[a-z0-9]+,4\\)," register "$")
}

# The first of a list of types.
function first_argument(text, place, depth, character) {
    for (place = 1; place <= length(text); place++) {
        character = substr(text, place, 1)
        if (character == "<") depth++
        if (character == ">") depth--
        if (character == "," && depth == 0) return substr(text, 1, place - 1)
    }
    return text
}

# The function behind a closure's forwarder; empty where the way is not a plain one.
function followed(address, steps) {
    for (steps = 0; steps < 4; steps++) {
        if (!(address in frame_end)) return ""
        if (!(address in name) ||
            name[address] !~ /^partial apply forwarder |^generic specialization <.*> of closure #/)
            return address
        if (exits[address] != 1) return ""
        address = exit_target[address, 1]
    }
    return ""
}

# Which operation of the scheme a function is by its name; empty where none, or no name.
function named_operation(target, text) {
    if (!(target in name)) return ""
    text = name[target]
    if (text ~ /\.enqueue\(|^fq_.*_enqueue$/) return "enqueue"
    if (text ~ /\.dequeue\(|^fq_.*_dequeue$/) return "dequeue"
    if (text ~ /\.acknowledgeOverflow\(|^fq_.*_acknowledge_overflow$/) return "acknowledgeOverflow"
    if (text ~ /Reporter\.report\(/) return "report"
    if (text ~ /Worker\.take\(/) return "take"
    if (text ~ /Worker\.respond\(/) return "respond"
    if (text ~ /Worker\.finish\(/) return "finish"
    if (text ~ /Reporting\.flush\(/) return "flush"
    if (text ~ /Reporting\.addDevice\(/) return "addDevice"
    if (text ~ /Reporting\.removeDevice\(/) return "removeDevice"
    if (text ~ /Reporting\.discardPartial\(/) return "discardPartial"
    if (match(text, lifetime_operation)) {
        text = substr(text, RSTART, RLENGTH - 1)
        sub(/.*\./, "", text)
        if (text in is_lifetime) return text
    }
    return ""
}

# The same for any function of a loop.
function operation(type, target, allowed, kinds, count, place) {
    if (target in name) return named_operation(target)
    # Shared by schemes with equal code: told apart by the loops that call it.
    if (!(target in frame_end)) return ""
    count = split(allowed, kinds, " ")
    for (place = 1; place <= count; place++)
        if ((type, kinds[place]) in chosen && chosen[type, kinds[place]] == target)
            return kinds[place]
    for (place = 1; place <= count; place++)
        if (!((type, kinds[place]) in chosen)) return kinds[place]
    return ""
}

# The loop's own function and its parts: functions that are no operation of the scheme, but beside
# it in the source, and would be inlined if they were small.
function find_bodies(type, loop_name, address, number, place, target) {
    split("", bodies)
    bodies[body_count = 1] = address
    if (!(loop_name in part_of)) return
    for (place = 1; place <= exits[address]; place++) {
        target = exit_target[address, place]
        if (is_part(type, loop_name, target)) bodies[++body_count] = target
    }
}

# A part without a symbol is known by the operation that it calls and no operation does.
function is_part(type, loop_name, target, place) {
    if (!(loop_name in part_of) || !(target in frame_end)) return 0
    if (target in name)
        return index(name[target], "generic specialization <") == 1 &&
            index(name[target], "> of Harness." part_of[loop_name] "<") > 0
    for (place = 1; place <= exits[target]; place++)
        if (exit_target[target, place] == chosen[type, part_calls[loop_name]]) return 1
    return 0
}

function check_loop(type, loop_name, address, title_, allowed, number, place, target, kind, count) {
    title_ = loop_name " of " short(type)
    if (address in name) {
        if (index(name[address], "generic specialization <") != 1 ||
            index(name[address], "of Harness." function_of(loop_name) "<") == 0) {
            finding(title_ ": its closure leads to " title(address) \
                ", expected a specialisation of " function_of(loop_name))
            return
        }
    }
    body_of[type, loop_name] = address
    split("", count)
    find_bodies(type, loop_name, address)
    allowed = must_call[loop_name] " " may_call[loop_name]
    # Named operations first: what has no name is one of the others.
    for (number = 1; number <= body_count; number++)
        for (place = 1; place <= exits[bodies[number]]; place++) {
            target = exit_target[bodies[number], place]
            kind = named_operation(target)
            if (kind != "" && !((type, kind) in chosen)) chosen[type, kind] = target
        }
    for (number = 1; number <= body_count; number++)
        for (place = 1; place <= exits[bodies[number]]; place++)
            check_exit(type, loop_name, title_, allowed, exit_target[bodies[number], place],
                exit_text[bodies[number], place], count)
    report(type, loop_name, title_, count)
}

# One way out of a loop; what is an operation is counted by its kind.
function check_exit(type, loop_name, title_, allowed, target, text, count, kind) {
    sub(/ <.*/, "", text)
    if (target == "indirect") {
        finding(title_ ": indirect: " text)
        return
    }
    if ((target in name) && name[target] ~ /Slow\(|\.observeStray\(|\.observeViolation\(/) {
        count["other"]++
        return
    }
    if ((target in name) && name[target] ~ own_part) {
        count["other"]++
        return
    }
    if ((target in name) && name[target] ~ /^Harness\.HandlerBurst\.handleVaried\(/) {
        reach(target, "handleVaried")
        count["other"]++
        return
    }
    if (loop_name in ends_with && target == body_of[type, ends_with[loop_name]]) return
    if (is_part(type, loop_name, target)) return
    kind = operation(type, target, allowed)
    if (kind == "" || index(" " allowed " ", " " kind " ") == 0) {
        finding(title_ ": " text ": calls " \
            (target ~ /^plt:/ ? substr(target, 5) : title(target)))
        return
    }
    if ((type, kind) in chosen && chosen[type, kind] != target)
        finding(title_ ": " text ": a second " kind ", " title(target))
    chosen[type, kind] = target
    if (!is_exempt(type, kind)) reach(target, kind " of " short(type))
    count[kind]++
}

# Whether an operation may call the runtime and allocators.
function is_exempt(type, kind) {
    return kind in is_beside || (structure_of(type), kind) in is_beside
}

# `RCURefcountHandles` of `FaultQueues.RCURefcountHandles<…>`.
function structure_of(type) {
    sub(/<.*/, "", type)
    return short(type)
}

function report(type, loop_name, title_, count, kinds, number, place, kind, calls, size) {
    number = split(must_call[loop_name] " " may_call[loop_name], kinds, " ")
    for (place = 1; place <= number; place++) {
        kind = kinds[place]
        if (count[kind] > 0) {
            calls = calls (calls == "" ? "" : ", ") kind " " count[kind]
        } else if (index(" " must_call[loop_name] " ", " " kind " ") > 0) {
            finding(title_ ": no call of " kind "; it was inlined or is missing")
        }
        if (((loop_name, kind) in exactly) && exactly[loop_name, kind] != count[kind] + 0)
            finding(title_ ": " kind " is called from " (count[kind] + 0) " places, expected " \
                exactly[loop_name, kind])
        # The null ring's operations do nothing, which changes the loop around them.
        if (type ~ /NullRing$/ || count[kind] == 0) continue
        if (!((loop_name, kind) in places)) {
            places[loop_name, kind] = count[kind] + 0
            first_type[loop_name, kind] = type
        } else if (places[loop_name, kind] != count[kind] + 0) {
            finding(title_ ": " kind " is called from " (count[kind] + 0) \
                " places, but from " places[loop_name, kind] " for " \
                short(first_type[loop_name, kind]))
        }
    }
    if (count["other"] > 0) calls = calls ", slow " count["other"]
    for (number = 1; number <= body_count; number++) size += instructions[bodies[number]]
    printf "%-28s %-52s %12d  %s\n", loop_name, short(type), size, calls
    checked++
}

# Adds a function to those whose callees are looked at; but not what a report or a response does
# for a removal, an addition or a flush that is under way.
function reach(address, from) {
    if (address in reached) return
    if ((address in name) && name[address] ~ /^fq_rcu_call$|OwnedGroups\.serve</) return
    reached[address] = from
    queue[++queued] = address
}

function check_reached(address, place, target, text, callee) {
    for (place = 1; place <= exits[address]; place++) {
        target = exit_target[address, place]
        text = exit_text[address, place]
        sub(/ <.*/, "", text)
        if (target == "indirect") {
            finding(reached[address] ": " title(address) ": indirect: " text)
            continue
        }
        callee = target ~ /^plt:/ ? substr(target, 5) : (target in name) ? name[target] : ""
        if (callee ~ /^_?swift_|^(malloc|calloc|realloc|free|posix_memalign|aligned_alloc)$/ ||
            callee ~ /^merged |type metadata accessor|witness table accessor|lazy protocol witness/)
            finding(reached[address] ": " title(address) ": " text ": calls " callee)
        else if (target in frame_end)
            reach(target, reached[address])
    }
}

# The operations that closures of their own tell, before the loops are looked at.
function name_direct(type, subject, slot, place, body) {
    for (slot in operation_of) {
        split(slot, place, SUBSEP)
        if (place[1] != subject) continue
        if (!((type, operation_of[slot]) in direct)) {
            finding(operation_of[slot] " of " short(type) ": no closure leads to it")
            continue
        }
        body = followed(direct[type, operation_of[slot]])
        if (body == "")
            finding(operation_of[slot] " of " short(type) ": its closure is no plain call: " \
                title(direct[type, operation_of[slot]]))
        else
            chosen[type, operation_of[slot]] = body
    }
}

# The operations that the loops call, and the size of each.
function list_operations(count, kinds, number, place, type) {
    count = split("enqueue dequeue report take respond finish " lifetime_kinds, kinds, " ")
    for (number = 1; number <= count; number++)
        for (place = 1; place <= scheme_count; place++) {
            type = scheme[place]
            if ((type, kinds[number]) in chosen)
                printf "%-28s %-52s %12d\n", kinds[number], short(type),
                    instructions[chosen[type, kinds[number]]]
        }
}

END {
    printf "%-28s %-52s %12s  %s\n", "loop", "scheme", "instructions", "calls"
    for (place = 1; place <= scheme_count; place++)
        name_direct(scheme[place], scheme_subject[place])
    for (number = 1; number <= loop_count; number++) {
        loop_name = order[number]
        if (!(function_of(loop_name) in declared))
            finding(loop_name ": no such loop in the sources")
        for (place = 1; place <= scheme_count; place++) {
            if (scheme_subject[place] != subject_of[loop_name]) continue
            type = scheme[place]
            total = split(starts[type, loop_name], found, " ")
            if (total == 0) finding(loop_name " of " short(type) ": no closure leads to it")
            split("", seen)
            for (item = 1; item <= total; item++) {
                body = followed(found[item])
                if (body == "")
                    finding(loop_name " of " short(type) ": its closure is no plain call: " \
                        title(found[item]))
                else if (!(body in seen)) check_loop(type, loop_name, body)
                seen[body] = 1
            }
        }
    }
    list_operations()
    for (item = 1; item <= queued; item++) check_reached(queue[item])
    if (empty_loop == "") finding("measuredEmptyLoop: not in the binary")
    else if (exits[empty_loop] > 0)
        finding("measuredEmptyLoop: " exit_text[empty_loop, 1])
    printf "%d loops, %d functions reached from their operations\n", checked, queued
}
