// SPDX-License-Identifier: MIT
#include "libfiona/ingest/reconcile.h"

#include "libfiona/base/error.h"
#include "libfiona/base/files.h"
#include "libfiona/base/log.h"
#include "libfiona/base/text.h"
#include "libfiona/classify/tag_value.h"
#include "libfiona/ingest/announcement.h"
#include "libfiona/store/atomic_file.h"
#include "libfiona/store/spool.h"
#include "libfiona/store/study_tree.h"

#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <functional>
#include <set>

namespace fiona::ingest {

namespace fs = std::filesystem;

namespace {

constexpr std::chrono::hours oldest_part{1}; // an association lives no longer than its time-outs
constexpr std::chrono::minutes clock_margin{10};
constexpr std::string_view study_prefix = "scp_";

std::optional<struct stat> status_of(const fs::path& path)
{
    struct stat status {};
    return ::lstat(path.c_str(), &status) == 0 ? std::optional{status} : std::nullopt;
}

TimePoint modified(const struct stat& status)
{
    return Clock::from_time_t(status.st_mtim.tv_sec);
}

class Reconciler {
public:
    Reconciler(const Config& config, TimePoint now, Scope scope, Mode mode,
               const Processing& processing)
        : m_paths{config.paths}, m_tree{config.paths}, m_spool{config.paths.spool()}, m_now{now},
          m_scope{scope}, m_mode{mode}, m_attempts{processing.attempts}, m_stop{processing.stop}
    {
    }

    Reconciled run()
    {
        remove_parts();
        if (m_scope == Scope::all) {
            retry_failed();
        }
        collect_known();
        const auto stamp = m_spool.directory() / "reconciled";
        const auto last = last_look(stamp);
        const bool is_known =
            m_scope == Scope::changed && last <= m_now; // else the clock was wrong
        const auto since = is_known ? last - clock_margin : TimePoint{};
        for (const auto& name : visible_names(m_paths.archive())) {
            if (m_stop && m_stop()) {
                m_is_complete = false;
                break;
            }
            const auto status = status_of(m_paths.archive() / name);
            const auto uid =
                std::string_view{name}.substr(std::min(name.size(), study_prefix.size()));
            if (name.starts_with(study_prefix) && is_uid(uid) && status
                && modified(*status) >= since) {
                look_at_if_readable(StudyUid{std::string{uid}}, m_paths.archive() / name);
            }
        }
        if (m_mode == Mode::apply) {
            m_spool.sweep(m_now, oldest_part);
        }
        if (m_mode == Mode::apply && m_is_complete) {
            store::write_file(stamp, fmt::format("{}\n", epoch_seconds(m_now)));
        }
        return m_result;
    }

private:
    static TimePoint last_look(const fs::path& stamp)
    {
        const auto seconds = classify::as_number(read_file_if_any(stamp).value_or(""));
        return seconds ? TimePoint{std::chrono::seconds{static_cast<std::int64_t>(*seconds)}}
                       : TimePoint{} + clock_margin;
    }

    void remove_parts()
    {
        for (const auto& entry : fs::exists(m_paths.incoming_parts())
                                     ? fs::directory_iterator{m_paths.incoming_parts()}
                                     : fs::directory_iterator{}) {
            const auto status = status_of(entry.path());
            if (entry.path().extension() != ".part" || !status || !S_ISREG(status->st_mode)
                || m_now - modified(*status) < oldest_part) {
                continue;
            }
            if (m_mode == Mode::dry_run || ::unlink(entry.path().c_str()) == 0) {
                ++m_result.parts_removed;
            }
        }
    }

    void retry_failed()
    {
        const auto failed = m_spool.directory() / "failed";
        for (const auto& name : visible_names(failed)) {
            if (!name.ends_with(".json")) {
                continue;
            }
            ++m_result.retried;
            if (m_mode == Mode::dry_run) {
                continue;
            }
            if (::rename((failed / name).c_str(), (m_spool.directory() / "new" / name).c_str())
                != 0) {
                throw os_error(errno, "move a spool entry back");
            }
            ::unlink((failed / (name + ".err")).c_str());
        }
    }

    /// Files that are announced already, or were and could not be processed.
    void collect_known()
    {
        for (const auto* const state : {"new", "failed"}) {
            m_known.merge(announced_files(m_spool.directory() / state));
        }
    }

    /// One bad directory must not keep the others from being looked at, now and at every start.
    void look_at_if_readable(const StudyUid& study, const fs::path& directory)
    {
        try {
            look_at(study, directory);
        } catch (const Error& e) {
            m_is_complete = false;
            ++m_result.unreadable;
            log::warn("archive_directory_unreadable", {{"study", study}, {"reason", e.what()}});
        }
    }

    void look_at(const StudyUid& study, const fs::path& directory)
    {
        std::set<std::string> linked;
        for (const auto& series : visible_names(m_tree.study_directory(study))) {
            if (!is_uid(series)) {
                continue;
            }
            for (auto& sop : visible_names(m_tree.study_directory(study) / series)) {
                linked.insert(std::move(sop));
            }
        }
        for (const auto& name : visible_names(directory)) {
            const auto sop = name.substr(std::min(name.size(), name.find('.') + 1)); // <MOD>.<SOP>
            if (!linked.contains(sop) && !m_known.contains(directory / name)) {
                announce_lost(study, directory / name);
            }
        }
    }

    [[nodiscard]] store::SpoolEntry read(const fs::path& file, const std::string& relative) const
    {
        if (m_attempts == nullptr) {
            return announce(file, {});
        }
        m_attempts->begin(relative);
        auto entry = announce(file, {});
        m_attempts->end();
        return entry;
    }

    void announce_lost(const StudyUid& study, const fs::path& file)
    {
        const auto relative = file.lexically_relative(m_paths.archive()).native();
        if (m_attempts != nullptr && m_attempts->is_deadly(relative)) {
            ++m_result.unreadable;
            log::warn("archive_file_deadly", {{"study", study}});
            return;
        }
        try {
            const auto entry = read(file, relative);
            const auto link = m_tree.series_directory(entry.study, entry.series) / entry.sop.str();
            if (status_of(link)) {
                return; // the file's name only says something else
            }
            if (m_mode == Mode::apply) {
                m_spool.add(entry, store::Spool::Sync::no);
            }
            ++m_result.queued;
            log::info("announced_again", {{"study", entry.study}, {"series", entry.series}});
        } catch (const Error& e) {
            if (m_attempts != nullptr) {
                m_attempts->end();
            }
            ++m_result.unreadable;
            // A file that somebody else put there may have a patient's name as its own.
            const auto name = file.filename().native();
            const bool is_ours = is_uid(std::string_view{name}.substr(name.find('.') + 1));
            log::warn("archive_file_unreadable", {{"study", study},
                                                  {"file", is_ours ? name : "not named by fiona"},
                                                  {"reason", e.what()}});
        }
    }

    const Paths& m_paths;
    store::StudyTree m_tree;
    store::Spool m_spool;
    TimePoint m_now;
    Scope m_scope;
    Mode m_mode;
    Attempts* m_attempts;
    const std::function<bool()>& m_stop;
    std::set<fs::path> m_known;
    bool m_is_complete = true;
    Reconciled m_result;
};

} // namespace

Reconciled reconcile(const Config& config, TimePoint now, Scope scope, Mode mode,
                     const Processing& processing)
{
    return Reconciler{config, now, scope, mode, processing}.run();
}

} // namespace fiona::ingest
