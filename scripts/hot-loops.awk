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

# A loop that RingScheme or ReportingScheme reaches: the closure that leads to it, the operations
# that it must call, and those that it may. A name after a slash tells specialisations of one loop
# apart. An operation with a number behind "=" is called from exactly so many places.
function loop(subject, closure, loop_name, must, may, kinds, count, place, pair) {
    loop_of[closure] = loop_name
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
    # How an inline reporter ends: with the loop of a worker.
    ends_with["measuredInlineReports/plain"] = "measuredHandling/plain"
    ends_with["measuredInlineReports/varied"] = "measuredHandling/varied"
    # Operations beside the flow of requests, which may allocate.
    split("flush addDevice removeDevice discardPartial", beside, " ")
    for (place in beside) is_beside[beside[place]] = 1
    # Where a pipeline's loops take their time on purpose: devices, handlers, clocks.
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
    if (text ~ /^merged / && text !~ /^merged outlined .*Scheme\]?$/ &&
        text ~ /measured|RingScheme|ReportingScheme|\.Producer|\.Consumer|Reporter\.|Worker\./)
        finding("merged function in the binary: " short(text))
    if (index(text, forwarder) == 1 && text ~ /(Ring|Reporting)Scheme\.init</) {
        split_at = index(text, "> of closure #")
        type = first_argument(substr(text, length(forwarder) + 1, split_at - length(forwarder) - 1))
        for (signature in loop_of)
            if (index(substr(text, split_at), signature) > 0 &&
                index(text, subject_of[loop_of[signature]] == "ring" ? " Harness.Ring" : \
                    " Harness.Reporting") > 0) {
                slot = type SUBSEP loop_of[signature]
                starts[slot] = starts[slot] " " address
            }
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
    if (text !~ /^(bnd |notrack |rep )*(call|j[a-z]+) /) next
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

function check_loop(type, loop_name, address, title_, allowed, place, target, kind, text, count) {
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
    allowed = must_call[loop_name] " " may_call[loop_name]
    # Named operations first: what has no name is one of the others.
    for (place = 1; place <= exits[address]; place++) {
        target = exit_target[address, place]
        kind = named_operation(target)
        if (kind != "" && !((type, kind) in chosen)) chosen[type, kind] = target
    }
    for (place = 1; place <= exits[address]; place++) {
        target = exit_target[address, place]
        text = exit_text[address, place]
        sub(/ <.*/, "", text)
        if (target == "indirect") {
            finding(title_ ": indirect: " text)
            continue
        }
        if ((target in name) && name[target] ~ /Slow\(|\.observeStray\(|\.observeViolation\(/) {
            count["other"]++
            continue
        }
        if ((target in name) && name[target] ~ own_part) {
            count["other"]++
            continue
        }
        if ((target in name) && name[target] ~ /^Harness\.HandlerBurst\.handleVaried\(/) {
            reach(target, "handleVaried")
            count["other"]++
            continue
        }
        if (loop_name in ends_with && target == body_of[type, ends_with[loop_name]]) continue
        kind = operation(type, target, allowed)
        if (kind == "" || index(" " allowed " ", " " kind " ") == 0) {
            finding(title_ ": " text ": calls " \
                (target ~ /^plt:/ ? substr(target, 5) : title(target)))
            continue
        }
        if ((type, kind) in chosen && chosen[type, kind] != target)
            finding(title_ ": " text ": a second " kind ", " title(target))
        chosen[type, kind] = target
        if (!(kind in is_beside)) reach(target, kind " of " short(type))
        count[kind]++
    }
    report(type, loop_name, address, title_, count)
}

function report(type, loop_name, address, title_, count, kinds, number, place, kind, calls) {
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
    printf "%-28s %-52s %12d  %s\n", loop_name, short(type), instructions[address], calls
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

# The operations that the loops call, and the size of each.
function list_operations(count, kinds, number, place, type) {
    count = split("enqueue dequeue report take respond finish", kinds, " ")
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
