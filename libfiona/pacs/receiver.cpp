// SPDX-License-Identifier: MIT
#include "libfiona/pacs/receiver.h"

#include "libfiona/base/error.h"
#include "libfiona/base/file_lock.h"
#include "libfiona/base/files.h"
#include "libfiona/base/log.h"
#include "libfiona/dicom/library.h"
#include "libfiona/pacs/receiver_archive.h"
#include "libfiona/pacs/receiver_association.h"
#include "libfiona/pacs/receiver_listener.h"
#include "libfiona/pacs/receiver_lobby.h"
#include "libfiona/pacs/receiver_refusals.h"
#include "libfiona/pacs/receiver_room.h"
#include "libfiona/pacs/receiver_status.h"

#include <dcmtk/config/osconfig.h>
#include <dcmtk/dcmdata/dcdict.h>

#include <fcntl.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>

namespace fiona::pacs {

namespace fs = std::filesystem;
using std::chrono::steady_clock;

namespace {

constexpr std::chrono::hours part_age{1};
constexpr std::chrono::minutes host_memory{10};
constexpr std::chrono::seconds between_status{1};
constexpr std::chrono::milliseconds longest_wait{1000};
constexpr std::size_t max_known_hosts = 4096;
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

/// Signals as a descriptor: nothing happens between two instructions of ours.
class Signals {
public:
    Signals()
    {
        ::sigemptyset(&m_set);
        for (const int number : {SIGTERM, SIGINT, SIGHUP, SIGCHLD}) {
            ::sigaddset(&m_set, number);
        }
        ::sigprocmask(SIG_BLOCK, &m_set, &m_before);
        m_fd = UniqueFd{::signalfd(-1, &m_set, SFD_CLOEXEC | SFD_NONBLOCK)};
        if (!m_fd) {
            throw os_error(errno, "make a descriptor for signals");
        }
    }
    Signals(const Signals&) = delete;
    Signals& operator=(const Signals&) = delete;
    ~Signals() { ::sigprocmask(SIG_SETMASK, &m_before, nullptr); }

    [[nodiscard]] int fd() const { return m_fd.get(); }
    /// The next pending signal, 0 if there is none.
    [[nodiscard]] int next() const
    {
        signalfd_siginfo info{};
        return ::read(m_fd.get(), &info, sizeof info) == static_cast<ssize_t>(sizeof info)
                   ? static_cast<int>(info.ssi_signo)
                   : 0;
    }

private:
    sigset_t m_set{};
    sigset_t m_before{};
    UniqueFd m_fd;
};

class Receiver {
public:
    Receiver(Config config, std::optional<std::uint16_t> port)
        : m_config{std::move(config)}, m_listener{m_config.receiver.bind_address,
                                                  port.value_or(m_config.receiver.port)},
          m_spool{m_config.paths.spool()}, m_room{m_config, m_spool}
    {
        std::array<int, 2> ends{};
        if (::pipe2(ends.data(), O_CLOEXEC | O_NONBLOCK) != 0) {
            throw os_error(errno, "make a pipe");
        }
        m_reports = UniqueFd{ends[0]};
        m_report_end = UniqueFd{ends[1]};
        m_status.pid = ::getpid();
        m_status.port = m_listener.port();
        m_status.started = Clock::now();
    }

    void run()
    {
        write_status_now();
        log::info("receiver_started", {{"port", m_listener.port()},
                                       {"bind", m_config.receiver.bind_address},
                                       {"associations", m_config.receiver.max_associations}});
        while (!m_stopping) {
            wait_and_work();
        }
        m_listener.close();
        log::info("receiver_stopping", {{"associations", m_status.associations.size()}});
        finish_associations();
        write_status_now();
        log::info("receiver_stopped", {{"objects", m_status.objects}, {"bytes", m_status.bytes}});
    }

private:
    struct KnownHost {
        std::string name;
        steady_clock::time_point until;
    };

    void wait_and_work()
    {
        std::vector<pollfd> waits{{m_signals.fd(), POLLIN, 0},
                                  {m_reports.get(), POLLIN, 0},
                                  {m_listener.fd(), POLLIN, 0}};
        constexpr std::ptrdiff_t own = 3;
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
                handle(std::move(guest));
            }
            if (waits[2].revents != 0) {
                let_in();
            }
        }
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

    void reload()
    {
        try {
            m_config = Config::load(m_config.file, m_config.project);
            log::info("configuration_read");
        } catch (const Error& e) {
            log::error("configuration_kept", {{"reason", e.what()}});
        }
    }

    /// Decided before any process is made for the caller.
    [[nodiscard]] const Rejection* reason_to_refuse(const std::string& address)
    {
        m_status.is_enabled = is_reception_enabled(m_config.paths);
        if (!m_status.is_enabled) {
            return &switched_off;
        }
        const auto room = m_room.refusal(steady_clock::now());
        m_status.disk = name_of(m_room.disk());
        if (!room.empty()) {
            return &no_space;
        }
        reap(); // an association that ended a moment ago must not count
        const auto from_peer = std::ranges::count_if(m_status.associations, [&](const auto& entry) {
            return entry.second.report.address == address;
        });
        const bool is_full = m_status.associations.size() >= m_config.receiver.max_associations
                             || from_peer >= std::int64_t{m_config.receiver.max_per_peer};
        return is_full ? &too_many : nullptr;
    }

    void handle(Accepted accepted)
    {
        if (const auto* const rejection = reason_to_refuse(accepted.address)) {
            refuse(std::move(accepted), *rejection);
            return;
        }
        AssociationTask task{accepted.socket.get(),        m_report_end.get(), accepted.address,
                             known_host(accepted.address), ++m_associations,   ::getpid()};
        const auto child = ::fork();
        if (child == 0) {
            serve_association(m_config, task);
        }
        if (child < 0) {
            log::error("no_process", {{"reason", os_error(errno, "fork").what()}});
            refuse(std::move(accepted), no_space);
            return;
        }
        ++m_status.accepted;
        auto& entry = m_status.associations[child];
        entry.since = Clock::now();
        entry.report.address = std::move(accepted.address);
        m_changed = true;
    }

    void refuse(Accepted accepted, const Rejection& rejection)
    {
        m_refusals.add(std::move(accepted), rejection,
                       steady_clock::now() + m_config.receiver.acse_timeout);
        m_status.turned_away = m_refusals.count();
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
            if (const auto entry = m_status.associations.extract(child); !entry.empty()) {
                const auto& report = entry.mapped().report;
                m_status.objects += report.objects;
                m_status.bytes += report.bytes;
                m_status.refused_objects += report.refused;
                m_changed = true;
            }
        }
    }

    void signal_associations(int number) const
    {
        for (const auto& [child, state] : m_status.associations) {
            ::kill(child, number); // ours and not yet reaped: the number cannot be another's
        }
    }

    void finish_associations()
    {
        signal_associations(SIGTERM);
        const auto deadline = steady_clock::now() + m_config.receiver.stop_grace;
        wait_for_children(deadline);
        if (!m_status.associations.empty()) {
            log::warn("associations_killed", {{"associations", m_status.associations.size()}});
            signal_associations(SIGKILL);
            wait_for_children(steady_clock::now() + std::chrono::seconds{2});
        }
    }

    void wait_for_children(steady_clock::time_point deadline)
    {
        reap();
        while (!m_status.associations.empty() && steady_clock::now() < deadline) {
            pollfd one{m_signals.fd(), POLLIN, 0};
            ::poll(&one, 1, static_cast<int>(longest_wait.count()));
            while (m_signals.next() != 0) {
            }
            reap();
        }
    }

    void write_status_if_due()
    {
        if (m_changed && steady_clock::now() >= m_next_status) {
            write_status_now();
        }
    }

    void write_status_now()
    {
        m_changed = false;
        m_next_status = steady_clock::now() + between_status;
        try {
            static_cast<void>(m_room.refusal(steady_clock::now()));
            m_status.disk = name_of(m_room.disk());
            write_status(status_file(m_config), m_status.as_json(Clock::now()));
        } catch (const std::exception& e) { // a full disk must not stop the receiver
            log::warn("status_not_written", {{"reason", e.what()}});
        }
    }

    Config m_config;
    Signals m_signals;
    Listener m_listener;
    store::Spool m_spool;
    Room m_room;
    Lobby m_lobby{lobby_capacity()};
    Refusals m_refusals;
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

void run_receiver(Config config, std::optional<std::uint16_t> port)
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
    Receiver receiver{std::move(config), port};
    const FileLock alone{files.pid_file};
    receiver.run();
}

} // namespace fiona::pacs
