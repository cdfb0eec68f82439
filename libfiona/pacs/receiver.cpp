// SPDX-License-Identifier: MIT
#include "libfiona/pacs/receiver.h"

#include "libfiona/base/error.h"
#include "libfiona/base/file_lock.h"
#include "libfiona/base/files.h"
#include "libfiona/base/log.h"
#include "libfiona/dicom/library.h"
#include "libfiona/pacs/commitment.h"
#include "libfiona/pacs/commitment_reporter.h"
#include "libfiona/pacs/receiver_archive.h"
#include "libfiona/pacs/receiver_association.h"
#include "libfiona/pacs/receiver_children.h"
#include "libfiona/pacs/receiver_listener.h"
#include "libfiona/pacs/receiver_lobby.h"
#include "libfiona/pacs/receiver_refusals.h"
#include "libfiona/pacs/receiver_room.h"
#include "libfiona/pacs/receiver_settings.h"
#include "libfiona/pacs/receiver_signals.h"
#include "libfiona/pacs/receiver_status.h"

#include <dcmtk/config/osconfig.h>
#include <dcmtk/dcmdata/dcdict.h>

#include <poll.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>

namespace fiona::pacs {

using std::chrono::steady_clock;

namespace {

constexpr std::chrono::hours part_age{1};
constexpr std::chrono::seconds between_status{1};
constexpr std::chrono::milliseconds longest_wait{1000};
constexpr std::chrono::seconds longest_report_pause{10};
constexpr std::size_t many = 10'000; // as much as a status counts
constexpr int accepted_at_once = 64; // then the lobby is looked through: it must not overflow

class Receiver {
public:
    Receiver(Config config, const ReceiverOptions& options)
        : m_options{options}, m_settings{std::move(config), options},
          m_listener{m_config.receiver.bind_address, m_settings.port(options)},
          m_spool{m_config.paths.spool()}, m_room{m_config, m_spool},
          m_commitments{m_config.paths.commitments()}
    {
        m_status.pid = ::getpid();
        m_status.port = m_listener.port();
        if (m_config.receiver.tls) {
            m_tls_listener.emplace(m_config.receiver.bind_address, m_config.receiver.tls->port);
            m_status.tls_port = m_tls_listener->port();
        }
        m_status.started = Clock::now();
        m_status.total_before = read_totals(status_file(m_config));
    }

    void run()
    {
        write_status_now();
        log::info("receiver_started", {{"port", m_listener.port()},
                                       {"tls_port", m_status.tls_port.value_or(0)},
                                       {"bind", m_config.receiver.bind_address},
                                       {"associations", m_config.receiver.max_associations}});
        m_settings.warn_of_certificate(Clock::now());
        while (!m_stopping) {
            wait_and_work();
        }
        m_listener.close();
        m_tls_listener.reset();
        log::info("receiver_stopping", {{"associations", m_children.associations().size()}});
        m_children.finish(m_config.receiver.stop_grace, m_signals);
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

    void wait_and_work()
    {
        std::vector<pollfd> waits{{m_signals.fd(), POLLIN, 0},
                                  {m_children.fd(), POLLIN, 0},
                                  {m_listener.fd(), POLLIN, 0},
                                  {m_tls_listener ? m_tls_listener->fd() : -1, POLLIN, 0}};
        constexpr std::ptrdiff_t own = 4;
        std::array groups{m_lobby.waits(), m_tls_lobby.waits(), m_refusals.waits()};
        for (const auto& group : groups) {
            waits.insert(waits.end(), group.begin(), group.end());
        }
        if (::poll(waits.data(), waits.size(), static_cast<int>(longest_wait.count())) > 0) {
            auto from = waits.begin() + own;
            for (auto& group : groups) {
                std::copy_n(from, group.size(), group.begin());
                from += std::ssize(group);
            }
        }
        m_refusals.step(groups[2], steady_clock::now());
        handle_signals();
        m_children.read_reports();
        if (!m_stopping) {
            for (auto& guest : m_lobby.step(groups[0], steady_clock::now())) {
                handle(std::move(guest), nullptr);
            }
            for (auto& guest : m_tls_lobby.step(groups[1], steady_clock::now())) {
                handle(std::move(guest), &*m_settings.tls);
            }
            if (waits[2].revents != 0) {
                let_in(m_listener, m_lobby);
            }
            if (waits[3].revents != 0) {
                let_in(*m_tls_listener, m_tls_lobby);
            }
        }
        report_commitments_if_due();
        write_status_if_due();
    }

    void let_in(const Listener& listener, Lobby& lobby) const
    {
        for (int i = 0; i < accepted_at_once; ++i) {
            auto accepted = listener.accept();
            if (!accepted) {
                return;
            }
            lobby.add(std::move(*accepted), steady_clock::now() + m_config.receiver.acse_timeout);
        }
    }

    void handle_signals()
    {
        while (const int number = m_signals.next()) {
            if (number == SIGCHLD) {
                m_children.reap();
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
            m_settings = ReceiverSettings::read_again(m_settings, m_options);
            log::info("configuration_read");
            m_settings.warn_of_certificate(Clock::now());
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
        m_children.reap(); // an association that ended a moment ago must not count
        const bool is_full =
            m_children.associations().size() >= m_config.receiver.max_associations
            || m_children.associations_of(address) >= m_config.receiver.max_per_peer;
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
        if (refusal && !m_children.may_refuse()) {
            refuse(std::move(accepted), *refusal, tls);
            return;
        }
        const AssociationTask task{accepted.socket.get(),
                                   m_children.report_end(),
                                   accepted.address,
                                   m_children.known_host(accepted.address),
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
        if (refusal) {
            m_counters.refuse_association(refusal->counted);
            m_children.add_refusal(child);
            return;
        }
        ++m_status.accepted;
        ReceiverStatus::Child state{{}, Clock::now(), tls != nullptr};
        state.report.address = std::move(accepted.address);
        m_children.add_association(child, std::move(state));
    }

    /// Without a process. A TLS client would not understand us before a handshake: it is closed.
    void refuse(Accepted accepted, const Refusal& refusal, const TlsContext* tls)
    {
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
        if (m_children.has_reporter() || now < m_next_reporter || m_stopping) {
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
            m_children.add_reporter(child);
        }
    }

    void write_status_if_due()
    {
        m_is_old = m_children.take_news() || m_is_old || m_counters.sum_of_all() != m_counted;
        if (m_is_old && steady_clock::now() >= m_next_status) {
            write_status_now();
        }
    }

    void write_status_now()
    {
        m_is_old = false;
        m_counted = m_counters.sum_of_all();
        m_next_status = steady_clock::now() + between_status;
        try {
            static_cast<void>(m_room.refusal(steady_clock::now()));
            m_status.disk = name_of(m_room.disk());
            m_status.reports_owed = m_commitments.waiting(many).size();
            m_status.reports_given_up = m_commitments.count_failed();
            m_status.associations = m_children.associations();
            write_status(status_file(m_config), m_status.as_json(Clock::now(), m_counters));
        } catch (const std::exception& e) { // a full disk must not stop the receiver
            log::warn("status_not_written", {{"reason", e.what()}});
        }
    }

    ReceiverOptions m_options;
    ReceiverSettings m_settings;
    const Config& m_config = m_settings.config;
    ReceiverCounters m_counters;
    std::uint64_t m_counted = 0; ///< sum_of_all() in the status file
    Signals m_signals;
    Listener m_listener;
    std::optional<Listener> m_tls_listener;
    store::Spool m_spool;
    Room m_room;
    CommitmentQueue m_commitments;
    Lobby m_lobby{lobby_capacity(), Lobby::Protocol::dicom};
    Lobby m_tls_lobby{lobby_capacity(), Lobby::Protocol::tls};
    Refusals m_refusals;
    Children m_children;
    steady_clock::time_point m_next_reporter;
    ReceiverStatus m_status;
    unsigned m_associations = 0;
    bool m_stopping = false;
    bool m_is_old = true; ///< the status file
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
