// SPDX-License-Identifier: MIT
#include "libfiona/cleanup/stale_links.h"

#include "libfiona/base/error.h"
#include "libfiona/base/ids.h"
#include "libfiona/base/log.h"
#include "libfiona/base/workers.h"
#include "libfiona/cleanup/archive_guard.h"
#include "libfiona/cleanup/study_links.h"
#include "libfiona/cleanup/study_removal.h"
#include "libfiona/store/arrival_marks.h"

#include <fcntl.h>
#include <sys/file.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <filesystem>
#include <optional>
#include <set>

namespace fiona::cleanup {

namespace {

namespace fs = std::filesystem;

constexpr unsigned most_levels = 8; // of the site's trees: three
constexpr std::string_view json_suffix = ".json";

/// The series of `<SeriesUID>.json`; "" for other files, which are not ours to remove.
std::string series_of(const std::string& name)
{
    const auto stem = name.substr(0, name.size() - std::min(name.size(), json_suffix.size()));
    return name.ends_with(json_suffix) && is_uid(stem) ? stem : "";
}

bool is_remains(const std::string& name)
{
    return name.front() == '.' && name.ends_with(".part"); // store/atomic_file.h
}

/// The lock of those who write the series JSONs of a study (store/study_tree.h), if it has one. One that
/// cannot be opened may be another's.
class StudyLock {
public:
    explicit StudyLock(const store::Folder& study)
        : m_fd{::openat(study.fd(), ".lock", O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC)},
          m_is_anothers{m_fd ? ::flock(m_fd.get(), LOCK_EX | LOCK_NB) != 0 : errno != ENOENT}
    {
    }
    [[nodiscard]] bool is_anothers() const { return m_is_anothers; }

private:
    UniqueFd m_fd;
    bool m_is_anothers;
};

/// How many links the walk that removes may take out of a tree: no more than were counted before it.
class Allowance {
public:
    Allowance(const LinkedPlaces& places, std::size_t links) : m_places{places}, m_links{links} {}

    /// Asked for each link that was seen to lead nowhere. Throws Error{Fault::missing} if that may be so
    /// because a disk is away.
    bool take()
    {
        m_places.require_unchanged();
        return m_taken++ < m_links;
    }
    [[nodiscard]] std::size_t left() const
    {
        const std::size_t taken = m_taken;
        return taken - std::min(taken, m_links);
    }

private:
    const LinkedPlaces& m_places;
    std::size_t m_links;
    std::atomic<std::size_t> m_taken{0};
};

/// The walk of one of several hands through one tree. Without an allowance nothing is changed.
class Sweep {
public:
    Sweep(const StaleLinkOrder& order, Allowance* allowance, const std::set<StudyUid>& gone_before,
          std::string tree)
        : m_order{order}, m_allowance{allowance},
          m_mode{allowance == nullptr ? Mode::dry_run : Mode::apply}, m_gone_before{gone_before}
    {
        report.tree = std::move(tree);
    }

    void sweep(const store::Folder& base, const store::Folder::Entry& entry)
    {
        if (entry.name != trash_folder) { // fiona-clear-old empties it
            sweep_entry(base, entry, 1);
        }
    }

    TreeReport report;
    std::set<StudyUid> gone;           ///< studies whose directory in raw/ is gone, or would be
    std::vector<std::string> troubles; ///< why directories were left alone

private:
    [[nodiscard]] bool is_old(const struct stat& status) const
    {
        return m_order.now - store::modification_time(status) >= m_order.min_age;
    }

    /// True if it is gone, or with Mode::dry_run would be.
    // NOLINTNEXTLINE(misc-no-recursion) the levels are counted
    bool sweep_entry(const store::Folder& parent, const store::Folder::Entry& entry, unsigned level)
    {
        switch (entry.kind) {
        case store::Folder::Kind::link: return sweep_link(parent, entry.name);
        case store::Folder::Kind::directory: return sweep_directory(parent, entry.name, level);
        case store::Folder::Kind::file: return sweep_file(parent, entry.name, level);
        case store::Folder::Kind::other: break;
        }
        return false;
    }

    bool sweep_link(const store::Folder& parent, const std::string& name)
    {
        ++report.links;
        auto end = parent.end_of(name);
        if (end == store::Folder::End::there && m_mode == Mode::dry_run && !m_gone_before.empty()) {
            // Of a study whose directory would be gone by now.
            const auto study = study_of_link(parent.target(name));
            end = study && m_gone_before.contains(*study) ? store::Folder::End::gone : end;
        }
        if (end == store::Folder::End::there) {
            return false;
        }
        if (end == store::Folder::End::unknown) {
            ++report.unknown;
            return false;
        }
        const auto status = parent.look(name);
        if (!status) {
            return true;
        }
        ++report.stale;
        if (!is_old(*status)) {
            ++report.young;
            return false;
        }
        if (m_allowance != nullptr) {
            if (!m_allowance->take()) {
                return false;
            }
            parent.unlink(name);
        }
        report.removed.add(*status);
        return true;
    }

    // NOLINTNEXTLINE(misc-no-recursion) the levels are counted
    bool sweep_directory(const store::Folder& parent, const std::string& name, unsigned level)
    {
        std::optional<store::Folder> folder;
        std::vector<store::Folder::Entry> entries;
        try {
            folder = level < most_levels ? parent.descend(name) : std::nullopt;
            if (folder) {
                entries = folder->entries();
            }
        } catch (const Error& e) { // a mount point, or nobody can read it
            troubles.emplace_back(e.what());
            folder.reset();
        }
        if (!folder) {
            ++report.unknown;
            return false;
        }
        std::set<std::string> left;
        std::vector<std::string> descriptions;
        for (const auto& entry : entries) {
            if (entry.kind == store::Folder::Kind::file && is_description(entry.name, level)) {
                descriptions.push_back(entry.name);
                left.insert(entry.name);
            } else if (!sweep_entry(*folder, entry, level + 1)) {
                left.insert(entry.name);
            }
        }
        for (const auto& description : descriptions) {
            if (!left.contains(series_of(description)) && sweep_description(*folder, description)) {
                left.erase(description);
            }
        }
        return remove_if_empty(parent, name, *folder, left, level);
    }

    [[nodiscard]] bool is_description(const std::string& name, unsigned level) const
    {
        return report.tree == "raw" && level == 1 && !series_of(name).empty();
    }

    /// A series JSON whose series is gone.
    bool sweep_description(const store::Folder& study, const std::string& name)
    {
        const auto status = study.look(name);
        const StudyLock lock{study};
        if (!status || !is_old(*status) || lock.is_anothers()) {
            return !status;
        }
        if (m_mode == Mode::apply) {
            study.unlink(name);
        }
        ++report.descriptions;
        add_bytes(*status);
        return true;
    }

    void add_bytes(const struct stat& status)
    {
        store::Amount amount;
        amount.add(status);
        report.removed.bytes += amount.bytes;
    }

    bool sweep_file(const store::Folder& parent, const std::string& name, unsigned level)
    {
        if (report.tree != "raw" || level != 2 || !is_remains(name)) {
            return false;
        }
        const auto status = parent.look(name);
        if (!status || !is_old(*status)) {
            return !status;
        }
        if (m_mode == Mode::apply) {
            parent.unlink(name);
        }
        ++report.remains;
        add_bytes(*status);
        return true;
    }

    /// By the time it had before we took something out of it. A study's lock goes with its study.
    bool remove_if_empty(const store::Folder& parent, const std::string& name,
                         const store::Folder& folder, const std::set<std::string>& left,
                         unsigned level)
    {
        const bool has_lock_only =
            left.size() == 1 && left.contains(".lock") && level == 1 && report.tree == "raw";
        if ((!left.empty() && !has_lock_only) || !is_old(folder.status())) {
            return false;
        }
        const StudyLock lock{folder};
        if (has_lock_only && lock.is_anothers()) {
            return false;
        }
        if (m_mode == Mode::apply) {
            if (has_lock_only) {
                folder.unlink(".lock");
            }
            if (!parent.remove_directory(name)) {
                return !parent.look(name);
            }
        }
        ++report.directories;
        if (report.tree == "raw" && level == 1 && is_uid(name)) {
            gone.insert(StudyUid{name});
        }
        return true;
    }

    const StaleLinkOrder& m_order;
    Allowance* m_allowance; ///< shared by all hands
    Mode m_mode;
    const std::set<StudyUid>& m_gone_before; ///< in the trees that were swept before
};

struct Tree {
    const char* name;
    fs::path base;
};

std::vector<Tree> trees_of(const Paths& paths)
{
    return {{"raw", paths.raw()}, {"participants", paths.participants()}, {"srs", paths.srs()}};
}

/// One tree, its directories shared out.
TreeReport sweep(const Tree& tree, const StaleLinkOrder& order, Allowance* allowance,
                 std::set<StudyUid>& gone)
{
    const store::Folder base{tree.base, tree.name};
    const auto entries = base.entries();
    std::vector<Sweep> sweeps(removing_hands, Sweep{order, allowance, gone, tree.name});
    for_each_index(entries.size(), removing_hands, [&](std::size_t index, std::size_t hand) {
        sweeps[hand].sweep(base, entries[index]);
    });
    TreeReport report;
    report.tree = tree.name;
    std::set<StudyUid> gone_now;
    for (const auto& swept : sweeps) {
        report += swept.report;
        gone_now.insert(swept.gone.begin(), swept.gone.end());
        for (const auto& trouble : swept.troubles) {
            log::warn("directory_left_alone", {{"tree", tree.name}, {"reason", trouble}});
        }
    }
    gone.merge(gone_now);
    return report;
}

StaleLinkReport count(const std::vector<Tree>& trees, const StaleLinkOrder& order)
{
    StaleLinkReport report;
    std::set<StudyUid> gone;
    for (const auto& tree : trees) {
        std::error_code unreadable; // then Folder says so
        if (!fs::exists(tree.base, unreadable) && !unreadable) {
            report.trees.emplace_back().tree = tree.name;
            continue;
        }
        report.trees.push_back(sweep(tree, order, nullptr, gone));
    }
    return report;
}

StaleLinkReport remove(const std::vector<Tree>& trees, const StaleLinkOrder& order,
                       const StaleLinkReport& counted, const LinkedPlaces& places)
{
    StaleLinkReport report;
    std::set<StudyUid> gone;
    for (std::size_t i = 0; i < trees.size(); ++i) {
        Allowance allowance{places, counted.trees[i].removed.files};
        report.trees.push_back(sweep(trees[i], order, &allowance, gone));
        if (allowance.left() > 0) {
            log::warn("stale_links_left", {{"tree", trees[i].name},
                                           {"links", allowance.left()},
                                           {"reason", "more than were counted"}});
        }
    }
    return report;
}

} // namespace

TreeReport& TreeReport::operator+=(const TreeReport& other)
{
    links += other.links;
    stale += other.stale;
    young += other.young;
    unknown += other.unknown;
    removed += other.removed;
    directories += other.directories;
    descriptions += other.descriptions;
    remains += other.remains;
    return *this;
}

TreeReport StaleLinkReport::sum() const
{
    TreeReport sum;
    for (const auto& tree : trees) {
        sum += tree;
    }
    return sum;
}

StaleLinkReport clear_stale_links(const Paths& paths, const StaleLinkOrder& order)
{
    const LinkedPlaces places{paths};
    check_archive(paths, order.mode,
                  order.guard == StaleLinkOrder::Guard::on ? Emptiness::refused
                                                           : Emptiness::allowed);
    const auto trees = trees_of(paths);
    auto counted = count(trees, order);
    const auto sum = counted.sum();
    counted.is_refused =
        order.guard == StaleLinkOrder::Guard::on && sum.stale > links_without_guard
        && static_cast<double>(sum.stale) > order.max_fraction * static_cast<double>(sum.links);
    if (counted.is_refused) {
        for (auto& tree : counted.trees) { // what would go stays
            tree.removed = {};
            tree.directories = tree.descriptions = tree.remains = 0;
        }
        return counted;
    }
    if (order.mode == Mode::dry_run) {
        return counted;
    }
    for (const auto& tree : trees) {
        constexpr mode_t as_the_umask_says = 0777;
        if (::mkdir(tree.base.c_str(), as_the_umask_says) == 0) {
            log::warn("directory_made", {{"tree", tree.name}});
        } else if (errno != EEXIST) {
            throw os_error(errno, fmt::format("make {}", tree.base.native()));
        }
    }
    return remove(trees, order, counted, places);
}

} // namespace fiona::cleanup
