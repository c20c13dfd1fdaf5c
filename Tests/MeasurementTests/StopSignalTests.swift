import CPlatform
import Glibc
import Testing

@testable import Measurement

/// Sets how a signal is handled, and lets it reach this thread: those of the concurrency pool block
/// every signal, and `raise` sends to the calling thread.
private func prepare(_ number: Int32, _ handler: __sighandler_t?) {
    signal(number, handler)
    var signals = sigset_t()
    sigemptyset(&signals)
    sigaddset(&signals, number)
    pthread_sigmask(SIG_UNBLOCK, &signals, nil)
}

/// Signals belong to the whole process, so every test that touches them has a process of its own.
@Suite struct StopSignalTests {
    @Test(arguments: [SIGINT, SIGTERM, SIGHUP])
    func theFirstSignalSetsTheFlag(signalNumber: Int32) async {
        await #expect(processExitsWith: .exitCode(128 + signalNumber)) { [signalNumber] in
            prepare(signalNumber, SIG_DFL)
            try StopSignal.install()
            guard !StopSignal.isRequested, StopSignal.exitCode == nil else { exit(1) }
            raise(signalNumber)
            guard StopSignal.isRequested else { exit(2) }
            exit(StopSignal.exitCode ?? 3)
        }
    }

    @Test func aSecondSignalEndsTheProcess() async {
        await #expect(processExitsWith: .exitCode(130)) {
            prepare(SIGINT, SIG_DFL)
            try StopSignal.install()
            raise(SIGINT)
            guard StopSignal.isRequested else { exit(1) }
            usleep(150_000)
            raise(SIGINT)
            exit(2)
        }
    }

    @Test func uninstallRestoresWhatWasThere() async {
        await #expect(processExitsWith: .signal(SIGINT)) {
            prepare(SIGINT, SIG_DFL)
            try StopSignal.install()
            raise(SIGINT)
            StopSignal.uninstall()
            guard StopSignal.isRequested else { exit(1) }
            raise(SIGINT)
            exit(2)
        }
    }

    @Test func installingAnewForgetsTheRequest() async {
        await #expect(processExitsWith: .success) {
            prepare(SIGTERM, SIG_DFL)
            try StopSignal.install()
            raise(SIGTERM)
            StopSignal.uninstall()
            try StopSignal.install()
            guard !StopSignal.isRequested else { exit(1) }
            // A first request again, however soon after the other.
            raise(SIGTERM)
            exit(StopSignal.isRequested ? 0 : 2)
        }
    }

    @Test func installingTwiceIsRefused() async {
        await #expect(processExitsWith: .success) {
            try StopSignal.install()
            do throws(MeasurementError) {
                try StopSignal.install()
                exit(1)
            } catch {
                exit(error == .stopSignalUnavailable(errno: EALREADY) ? 0 : 2)
            }
        }
    }

    @Test func anIgnoredSignalStaysIgnored() async {
        await #expect(processExitsWith: .success) {
            prepare(SIGINT, SIG_IGN)
            try StopSignal.install()
            raise(SIGINT)
            exit(StopSignal.isRequested ? 1 : 0)
        }
    }

    @Test func aRepeatWithinATenthOfASecondIsTheSameRequest() async {
        await #expect(processExitsWith: .success) {
            let first: UInt64 = 5_000_000_000
            guard !fq_stop_note(SIGTERM, first), fq_stop_requested() == SIGTERM else { exit(1) }
            guard !fq_stop_note(SIGINT, first + 100_000_000) else { exit(2) }
            // A reading of another CPU may be a little older.
            guard !fq_stop_note(SIGINT, first - 1) else { exit(3) }
            guard fq_stop_note(SIGINT, first + 100_000_001) else { exit(4) }
            exit(fq_stop_requested() == SIGTERM ? 0 : 5)
        }
    }
}
