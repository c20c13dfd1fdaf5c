import CPlatform

/// The user's wish to stop: SIGINT (Ctrl-C), SIGTERM, or SIGHUP (the terminal is gone).
///
/// The first one only sets a flag, so that the round under way can end and be kept. A second one,
/// more than 100 ms later, ends the process at once with 128 + its number: 130 for SIGINT. (The
/// distance tells a second wish from `timeout`, which sends its one signal twice.) Interrupted
/// system calls are restarted, sleeps excepted.
public enum StopSignal {
    /// Handles the signals from now on, and forgets an earlier request. A signal that the process
    /// was started to ignore, as shells do for jobs in the background, stays ignored. Not from two
    /// threads at once.
    ///
    /// - Throws: `stopSignalUnavailable`, also where it is installed already.
    public static func install() throws(MeasurementError) {
        let error = fq_stop_install()
        guard error == 0 else { throw .stopSignalUnavailable(errno: error) }
    }

    /// Puts back what `install` found, if it was installed. A request stays readable. Not from two
    /// threads at once.
    public static func uninstall() { fq_stop_uninstall() }

    /// Whether a stop was asked for since `install`. Any thread; one load.
    @inlinable
    public static var isRequested: Bool { fq_stop_requested() != 0 }

    /// What a process that stopped on request exits with, 130, 143 or 129; nil without a request.
    public static var exitCode: Int32? {
        let signal = fq_stop_requested()
        return signal == 0 ? nil : 128 + signal
    }
}
