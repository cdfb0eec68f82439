// SPDX-License-Identifier: MIT
#include "libfiona/pacs/receiver.h"

#include "libfiona/base/error.h"
#include "libfiona/base/file_lock.h"
#include "libfiona/base/files.h"
#include "libfiona/base/log.h"
#include "libfiona/dicom/library.h"
#include "libfiona/pacs/commitment.h"
#include "libfiona/pacs/commitment_reporter.h"
#include "libfiona/pacs/receiver_access.h"
#include "libfiona/pacs/receiver_archive.h"
#include "libfiona/pacs/receiver_association.h"
#include "libfiona/pacs/receiver_listener.h"
#include "libfiona/pacs/receiver_lobby.h"
#include "libfiona/pacs/receiver_refusals.h"
#include "libfiona/pacs/receiver_room.h"
#include "libfiona/pacs/receiver_signals.h"
#include "libfiona/pacs/receiver_status.h"
#include "libfiona/pacs/receiver_tls.h"

#include <dcmtk/config/osconfig.h>
#include <dcmtk/dcmdata/dcdict.h>

#include <fcntl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <set>

namespace fiona::pacs {

namespace fs = std::filesystem;
using std::chrono::steady_clock;

namespace {

constexpr std::chrono::hours part_age{1};
constexpr std::chrono::minutes host_memory{10};
constexpr std::chrono::seconds between_status{1};
constexpr std::chrono::milliseconds longest_wait{1000};
constexpr std::size_t max_known_hosts = 4096;
constexpr std::size_t max_rejecting = 8; // processes that only say no, over TLS
constexpr std::chrono::seconds longest_report_pause{10};
constexpr std::chrono::hours early_warning{24 * 30}; // before our certificate ends
constexpr std::size_t many = 10'000;                 // as much as a status counts
constexpr int accepted_at_once = 64; // then the lobby is looked through: it must not overflow

/// Raises the soft limit of descriptors to the hard one and gives the lobby its share: a crowd of
/// callers must not take what files and pipes need.
std::size_t lobby_capacity()
{
    constexpr std::size_t most = 2048;
    rlimit limit{};
    if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) {
        return 1;
    }
    limit.rlim_cur = limit.rlim_max;
    static_cast<void>(::setrlimit(RLIMIT_NOFILE, &limit));
    static_cast<void>(::getrlimit(RLIMIT_NOFILE, &limit));
    return std::min<std::size_t>(limit.rlim_cur / 4, most);
}

/// Everything below the site that the receiver renames between must be one file system.
void prepare_directories(const Paths& paths)
{
    dev_t device = 0;
    for (const auto& directory : {paths.archive(), paths.incoming_parts(), paths.rejected(),
                                  paths.spool(), paths.status()}) {
        make_directories(directory);
        struct stat status {};
        if (::stat(directory.c_str(), &status) != 0) {
            throw os_error(errno, fmt::format("stat {}", directory.native()));
        }
        if (device != 0 && status.st_dev != device && directory != paths.status()) {
            throw Error{Fault::config, "{} is not on the file system of {}", directory.native(),
                        paths.archive().native()};
        }
        device = status.st_dev;
    }
}

/// What SIGHUP reads again, all or nothing.
struct Settings {
    Settings(Config read, const ReceiverOptions& options)
        : config{std::move(read)}, access{config.receiver}
    {
        config.receiver.keep_rejected =
            options.keep_rejected.value_or(config.receiver.keep_rejected);
        if (config.receiver.tls) {
            tls.emplace(*config.receiver.tls);
        }
    }

    Config config;
    AccessList access;
    std::optional<TlsContext> tls;
};

std::uint16_t port_of(const Config& config, const ReceiverOptions& options)
{
    if (!options.port && config.receiver.port == 0 && !config.project.empty()) {
        throw Error{Fault::config, "config: SITES.{} has no DICOMPORT", config.project};
    }
    return options.port.value_or(config.receiver.port);
}

class Receiver {
public:
    Receiver(Config config, const ReceiverOptions& options)
        : m_options{options}, m_settings{std::move(config), options},
          m_listener{m_config.receiver.bind_address, port_of(m_config, options)},
          m_spool{m_config.paths.spool()}, m_room{m_config, m_spool},
          m_commitments{m_config.paths.commitments()}
    {
        std::array<int, 2> ends{};
        if (::pipe2(ends.data(), O_CLOEXEC | O_NONBLOCK) != 0) {
            throw os_error(errno, "make a pipe");
        }
        m_reports = UniqueFd{ends[0]};
        m_report_end = UniqueFd{ends[1]};
        m_status.pid = ::getpid();
        m_status.port = m_listener.port();
        if (m_config.receiver.tls) {
            m_tls_listener.emplace(m_config.receiver.bind_address, m_config.receiver.tls->port);
            m_status.tls_port = m_tls_listener->port();
        }
        m_status.started = Clock::now();
    }

    void run()
    {
        write_status_now();
        log::info("receiver_started", {{"port", m_listener.port()},
                                       {"tls_port", m_status.tls_port.value_or(0)},
                                       {"bind", m_config.receiver.bind_address},
                                       {"associations", m_config.receiver.max_associations}});
        look_at_certificate();
        while (!m_stopping) {
            wait_and_work();
        }
        m_listener.close();
        m_tls_listener.reset();
        log::info("receiver_stopping", {{"associations", m_status.associations.size()}});
        finish_associations();
        write_status_now();
        log::info("receiver_stopped", {{"objects", m_counters.get(Count::objects)},
                                       {"bytes", m_counters.get(Count::bytes)}});
    }

private:
    using Count = ReceiverCounters::Count;
    using Refused = ReceiverCounters::Refused;

    /// Said before any process is made for a caller.
    struct Refusal {
        const Rejection& rejection;
        Refused counted;
    };

    struct KnownHost {
        std::string name;
        steady_clock::time_point until;
    };

    void wait_and_work()
    {
        std::vector<pollfd> waits{{m_signals.fd(), POLLIN, 0},
                                  {m_reports.get(), POLLIN, 0},
                                  {m_listener.fd(), POLLIN, 0},
                                  {m_tls_listener ? m_tls_listener->fd() : -1, POLLIN, 0}};
        constexpr std::ptrdiff_t own = 4;
        auto guests = m_lobby.waits();
        auto callers = m_refusals.waits();
        waits.insert(waits.end(), guests.begin(), guests.end());
        waits.insert(waits.end(), callers.begin(), callers.end());
        if (::poll(waits.data(), waits.size(), static_cast<int>(longest_wait.count())) > 0) {
            const auto first_caller = waits.begin() + own + std::ssize(guests);
            std::copy(waits.begin() + own, first_caller, guests.begin());
            std::copy(first_caller, waits.end(), callers.begin());
        }
        m_refusals.step(callers, steady_clock::now());
        handle_signals();
        read_reports();
        if (!m_stopping) {
            for (auto& guest : m_lobby.step(guests, steady_clock::now())) {
                handle(std::move(guest), nullptr);
            }
            if (waits[2].revents != 0) {
                let_in();
            }
        }
        if (waits[3].revents != 0 && !m_stopping) {
            while (auto accepted = m_tls_listener->accept()) {
                handle(std::move(*accepted), &*m_settings.tls);
            }
        }
        report_commitments_if_due();
        write_status_if_due();
    }

    void let_in()
    {
        for (int i = 0; i < accepted_at_once; ++i) {
            auto accepted = m_listener.accept();
            if (!accepted) {
                return;
            }
            m_lobby.add(std::move(*accepted), steady_clock::now() + m_config.receiver.acse_timeout);
        }
    }

    void handle_signals()
    {
        while (const int number = m_signals.next()) {
            if (number == SIGCHLD) {
                reap();
            } else if (number == SIGHUP) {
                reload();
            } else {
                m_stopping = true;
            }
        }
    }

    /// Ports and directories stay those of the start.
    void reload()
    {
        try {
            Settings fresh{Config::load(m_config.file, m_config.project), m_options};
            if (m_tls_listener && !fresh.tls) {
                throw Error{Fault::config, "RECEIVER.tls is gone: restart the receiver for that"};
            }
            if (!m_tls_listener && fresh.tls) {
                log::warn("restart_needed", {{"reason", "RECEIVER.tls is new"}});
            }
            fresh.config.paths = m_config.paths;
            m_settings = std::move(fresh);
            log::info("configuration_read");
            look_at_certificate();
        } catch (const Error& e) {
            log::error("configuration_kept", {{"reason", e.what()}});
        }
    }

    /// A control file that cannot be read changes nothing: what it said last still holds.
    void look_at_control_file()
    {
        try {
            m_status.is_enabled = is_reception_enabled(m_config.paths);
        } catch (const Error& e) {
            log::warn("control_file_unreadable", {{"reason", e.what()}});
        }
    }

    /// Peers would refuse us: a warning, for plain senders are none the worse.
    void look_at_certificate() const
    {
        if (!m_tls_listener) {
            return;
        }
        const auto now = Clock::now();
        const auto end = m_settings.tls->not_after();
        if (now < m_settings.tls->not_before() || now + early_warning > end) {
            log::warn("certificate_not_valid_for_long",
                      {{"not_before", iso8601_utc(m_settings.tls->not_before())},
                       {"not_after", iso8601_utc(end)}});
        }
    }

    /// Decided before any process is made for the caller.
    [[nodiscard]] std::optional<Refusal> reason_to_refuse(const std::string& address)
    {
        if (!m_settings.access.allows_address(address)) {
            return Refusal{unknown_address, Refused::address};
        }
        look_at_control_file();
        if (!m_status.is_enabled) {
            return Refusal{switched_off, Refused::disabled};
        }
        const auto room = m_room.refusal(steady_clock::now());
        m_status.disk = name_of(m_room.disk());
        if (!room.empty()) {
            return Refusal{no_space, Refused::no_room};
        }
        reap(); // an association that ended a moment ago must not count
        const auto from_peer = std::ranges::count_if(m_status.associations, [&](const auto& entry) {
            return entry.second.report.address == address;
        });
        const bool is_full = m_status.associations.size() >= m_config.receiver.max_associations
                             || from_peer >= std::int64_t{m_config.receiver.max_per_peer};
        return is_full ? std::optional{Refusal{too_many, Refused::over_limit}} : std::nullopt;
    }

    void handle(Accepted accepted, const TlsContext* tls)
    {
        const auto refusal = reason_to_refuse(accepted.address);
        if (refusal && (tls == nullptr || refusal->counted == Refused::address)) {
            refuse(std::move(accepted), *refusal, tls);
            return;
        }
        // Over TLS a refusal, too, needs a process of its own, for a few at a time.
        if (refusal && m_rejecting.size() >= max_rejecting) {
            refuse(std::move(accepted), *refusal, tls);
            return;
        }
        const AssociationTask task{accepted.socket.get(),
                                   m_report_end.get(),
                                   accepted.address,
                                   known_host(accepted.address),
                                   ++m_associations,
                                   &m_settings.access,
                                   &m_counters,
                                   tls,
                                   refusal ? &refusal->rejection : nullptr,
                                   ::getpid()};
        const auto child = ::fork();
        if (child == 0) {
            serve_association(m_config, task);
        }
        if (child < 0) {
            log::error("no_process", {{"reason", os_error(errno, "fork").what()}});
            refuse(std::move(accepted), {no_space, Refused::no_room}, tls);
            return;
        }
        m_changed = true;
        if (refusal) {
            m_counters.refuse_association(refusal->counted);
            m_rejecting.insert(child);
            return;
        }
        ++m_status.accepted;
        auto& entry = m_status.associations[child];
        entry.since = Clock::now();
        entry.is_tls = tls != nullptr;
        entry.report.address = std::move(accepted.address);
    }

    /// Without a process. A TLS client would not understand us before a handshake: it is closed.
    void refuse(Accepted accepted, const Refusal& refusal, const TlsContext* tls)
    {
        m_changed = true;
        m_counters.refuse_association(refusal.counted);
        if (tls != nullptr) {
            log::warn(
                "association_refused",
                {{"address", accepted.address}, {"tls", true}, {"reason", refusal.rejection.why}});
            return;
        }
        m_refusals.add(std::move(accepted), refusal.rejection,
                       steady_clock::now() + m_config.receiver.acse_timeout);
    }

    /// One process at a time works through what is owed; what it does not reach waits for the next.
    void report_commitments_if_due()
    {
        const auto now = steady_clock::now();
        if (m_reporter || now < m_next_reporter || m_stopping) {
            return;
        }
        m_next_reporter = now
                          + std::clamp(m_config.receiver.commitment_retry, std::chrono::seconds{1},
                                       longest_report_pause);
        try {
            if (m_commitments.waiting(1).empty()) {
                return;
            }
        } catch (const std::exception& e) {
            log::error("commitments_not_reported", {{"reason", e.what()}});
            return;
        }
        const auto child = ::fork();
        if (child == 0) {
            run_commitment_reporter(m_config, m_counters, m_status.pid);
        }
        if (child > 0) {
            m_reporter = child;
        }
        m_changed = true;
    }

    [[nodiscard]] std::optional<std::string> known_host(const std::string& address)
    {
        const auto found = m_hosts.find(address);
        if (found == m_hosts.end() || found->second.until < steady_clock::now()) {
            return std::nullopt;
        }
        return found->second.name;
    }

    void read_reports()
    {
        while (auto report = next_report(m_reports.get())) {
            if (!report->host.empty()) {
                if (m_hosts.size() >= max_known_hosts) {
                    m_hosts.clear();
                }
                m_hosts[report->address] = {report->host, steady_clock::now() + host_memory};
            }
            if (const auto child = m_status.associations.find(report->pid);
                child != m_status.associations.end()) {
                child->second.report = std::move(*report);
                m_changed = true;
            }
        }
    }

    void reap()
    {
        int how = 0;
        for (pid_t child = 0; (child = ::waitpid(-1, &how, WNOHANG)) > 0;) {
            read_reports(); // its last words are in the pipe before it is gone
            if (WIFSIGNALED(how)) {
                // What it had not acknowledged was never ours; what it had is durable.
                log::error("association_crashed", {{"process", child}, {"signal", WTERMSIG(how)}});
            }
            m_changed = m_status.associations.erase(child) != 0 || m_changed;
            m_rejecting.erase(child);
            if (m_reporter == child) {
                m_reporter.reset();
                m_changed = true;
            }
        }
    }

    void signal_associations(int number) const
    {
        // Ours and not yet reaped: the numbers cannot be another's.
        for (const auto& [child, state] : m_status.associations) {
            ::kill(child, number);
        }
        for (const auto child : m_rejecting) {
            ::kill(child, number);
        }
        if (m_reporter) {
            ::kill(*m_reporter, number);
        }
    }

    [[nodiscard]] bool has_children() const
    {
        return !m_status.associations.empty() || !m_rejecting.empty() || m_reporter;
    }

    void finish_associations()
    {
        signal_associations(SIGTERM);
        const auto deadline = steady_clock::now() + m_config.receiver.stop_grace;
        wait_for_children(deadline);
        if (has_children()) {
            log::warn("associations_killed", {{"associations", m_status.associations.size()}});
            signal_associations(SIGKILL);
            wait_for_children(steady_clock::now() + std::chrono::seconds{2});
        }
    }

    void wait_for_children(steady_clock::time_point deadline)
    {
        reap();
        while (has_children() && steady_clock::now() < deadline) {
            pollfd one{m_signals.fd(), POLLIN, 0};
            ::poll(&one, 1, static_cast<int>(longest_wait.count()));
            while (m_signals.next() != 0) {
            }
            reap();
        }
    }

    void write_status_if_due()
    {
        const bool is_old = m_changed || m_counters.sum_of_all() != m_counted;
        if (is_old && steady_clock::now() >= m_next_status) {
            write_status_now();
        }
    }

    void write_status_now()
    {
        m_changed = false;
        m_counted = m_counters.sum_of_all();
        m_next_status = steady_clock::now() + between_status;
        try {
            static_cast<void>(m_room.refusal(steady_clock::now()));
            m_status.disk = name_of(m_room.disk());
            m_status.reports_owed = m_commitments.waiting(many).size();
            m_status.reports_given_up = m_commitments.count_failed();
            write_status(status_file(m_config), m_status.as_json(Clock::now(), m_counters));
        } catch (const std::exception& e) { // a full disk must not stop the receiver
            log::warn("status_not_written", {{"reason", e.what()}});
        }
    }

    ReceiverOptions m_options;
    Settings m_settings;
    const Config& m_config = m_settings.config;
    ReceiverCounters m_counters;
    std::uint64_t m_counted = 0; ///< sum_of_all() in the status file
    Signals m_signals;
    Listener m_listener;
    std::optional<Listener> m_tls_listener;
    store::Spool m_spool;
    Room m_room;
    CommitmentQueue m_commitments;
    Lobby m_lobby{lobby_capacity()};
    Refusals m_refusals;
    std::set<pid_t> m_rejecting; ///< processes that only say no
    std::optional<pid_t> m_reporter;
    steady_clock::time_point m_next_reporter;
    UniqueFd m_reports;
    UniqueFd m_report_end;
    ReceiverStatus m_status;
    std::map<std::string, KnownHost> m_hosts;
    unsigned m_associations = 0;
    bool m_stopping = false;
    bool m_changed = true;
    steady_clock::time_point m_next_status;
};

} // namespace

void run_receiver(Config config, const ReceiverOptions& options)
{
    constexpr mode_t nothing_for_others = 027;
    ::umask(nothing_for_others);
    const auto files = ReceiverFiles::of(config);
    make_directories(files.pid_file.parent_path());
    if (const auto other = store::running_daemon(files.pid_file)) {
        throw Error{Fault::temporary, "a receiver of this site runs already as process {}", *other};
    }
    const dicom::Library dcmtk;
    static_cast<void>(dcmDataDict.isDictionaryLoaded()); // once here, not once per association
    prepare_directories(config.paths);
    const auto swept = sweep_parts(config.paths.incoming_parts(), part_age);
    if (swept > 0) {
        log::info("parts_swept", {{"files", swept}});
    }
    // The listening socket comes first: whoever sees the lock may connect.
    Receiver receiver{std::move(config), options};
    const FileLock alone{files.pid_file};
    receiver.run();
}

} // namespace fiona::pacs
