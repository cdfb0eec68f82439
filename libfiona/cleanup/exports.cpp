// SPDX-License-Identifier: MIT
#include "libfiona/cleanup/exports.h"

#include "libfiona/base/error.h"
#include "libfiona/base/log.h"
#include "libfiona/store/arrival_marks.h"

#include <fcntl.h>
#include <sys/file.h>

#include <algorithm>
#include <cerrno>
#include <map>

namespace fiona::cleanup {

namespace {

namespace fs = std::filesystem;
using Kind = ClearExportsReport::Gone::Kind;

constexpr const char* trash_name = ".trash";
constexpr std::string_view work_prefix = "tmp_";
constexpr std::string_view encrypted_suffix = "_encrypted.7z";

/// Files of one package, by what they are.
struct Package {
    std::vector<std::string> names; ///< in the order in which they go: the zip last
    store::Amount amount;
    TimePoint made; ///< the zip
    TimePoint newest;
    bool has_zip = false;
    bool has_encrypted = false;
};

/// The name without what a package's files differ in; nothing for files that are none.
std::optional<std::string> base_of(const std::string& name)
{
    for (const auto suffix : {encrypted_suffix, std::string_view{".zip"}, std::string_view{".md5"},
                              std::string_view{".part"}}) {
        if (name.size() > suffix.size() && name.ends_with(suffix)) {
            const auto is_part = suffix == ".part"; // belongs to no finished package
            return is_part ? name : name.substr(0, name.size() - suffix.size());
        }
    }
    return std::nullopt;
}

// NOLINTNEXTLINE(misc-no-recursion) the levels are counted
TimePoint newest_in(const store::Folder& folder, unsigned levels)
{
    auto newest = store::modification_time(folder.status());
    for (const auto& entry : folder.entries()) {
        if (const auto status = folder.look(entry.name)) {
            newest = std::max(newest, store::modification_time(*status));
        }
        if (entry.kind == store::Folder::Kind::directory && levels > 0) {
            if (const auto inner = folder.descend(entry.name)) {
                newest = std::max(newest, newest_in(*inner, levels - 1));
            }
        }
    }
    return newest;
}

class Run {
public:
    Run(const fs::path& base, const ClearExportsOrder& order,
        const std::function<store::DiskSpace()>& disk)
        : m_base{base, "the exports"}, m_order{order}, m_disk{disk}, m_space{disk()}
    {
    }

    ClearExportsReport report()
    {
        m_report.used_before = m_space.used_percent();
        clear_work();
        if (const auto files = m_base.descend("files")) {
            clear_files(*files);
        }
        m_report.used_after = m_space.used_percent();
        m_report.is_goal_reached = !is_full();
        return std::move(m_report);
    }

private:
    static constexpr unsigned most_levels = 16;

    [[nodiscard]] bool is_full() const { return m_space.used_percent() > m_order.max_used; }
    [[nodiscard]] bool applies() const { return m_order.mode == Mode::apply; }
    [[nodiscard]] TimePoint::duration age(TimePoint when) const { return m_order.now - when; }

    /// `remove` returns what it freed. What fails does not stop the rest.
    void take(Kind kind, const std::string& name, TimePoint when, const store::Amount& amount,
              const std::function<void()>& remove)
    {
        try {
            if (applies()) {
                remove();
            }
        } catch (const Error& e) {
            ++m_report.failed;
            m_report.trouble = e;
            log::error(
                "export_not_removed",
                {{"export", log::uid_tag(name)}, {"kind", kind_name(kind)}, {"reason", e.what()}});
            return;
        }
        const auto hours = std::chrono::floor<std::chrono::hours>(age(when));
        m_report.removed.push_back({kind, name, amount, hours});
        m_report.freed += amount;
        if (applies()) {
            log::info("export_removed", {{"export", log::uid_tag(name)},
                                         {"kind", kind_name(kind)},
                                         {"bytes", amount.bytes},
                                         {"age_hours", hours.count()},
                                         {"used_percent", m_space.used_percent()}});
            m_space = m_disk();
        } else {
            const auto freed = std::min(amount.bytes, m_space.used_bytes);
            m_space.used_bytes -= freed;
            m_space.free_bytes += freed;
        }
    }

    void clear_work()
    {
        if (applies()) { // of a run that was killed
            const auto trash = m_base.descend(trash_name);
            for (const auto& entry :
                 trash ? trash->entries() : std::vector<store::Folder::Entry>{}) {
                attempt([&] { m_report.freed += store::remove_tree(*trash, entry.name); });
            }
        }
        for (const auto& entry : m_base.entries()) {
            if (entry.kind == store::Folder::Kind::directory
                && entry.name.starts_with(work_prefix)) {
                attempt([&] { clear_work(entry.name); });
            }
        }
    }

    /// One working directory that cannot go does not stop the rest.
    void attempt(const std::function<void()>& clear)
    {
        try {
            clear();
        } catch (const Error& e) {
            ++m_report.failed;
            m_report.trouble = e;
            log::error("export_not_removed", {{"kind", "work"}, {"reason", e.what()}});
        }
    }

    void clear_work(const std::string& name)
    {
        const auto folder = m_base.descend(name);
        if (!folder) {
            return;
        }
        const UniqueFd lock{
            ::openat(folder->fd(), ".lock", O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC)};
        if (!lock && errno != ENOENT) { // its owner may live
            throw os_error(errno, "open the lock of a working directory");
        }
        const auto newest = newest_in(*folder, most_levels);
        if (age(newest) < m_order.tmp_age
            || (lock && ::flock(lock.get(), LOCK_EX | LOCK_NB) != 0)) {
            ++m_report.in_work;
            return;
        }
        take(Kind::work, name, newest, store::measure_tree(m_base, name), [&] {
            const auto trash = m_base.descend_or_make(trash_name);
            if (m_base.move(name, trash, name)) {
                store::remove_tree(trash, name);
            }
        });
    }

    [[nodiscard]] static std::map<std::string, Package> packages_in(const store::Folder& files)
    {
        std::map<std::string, Package> packages;
        for (const auto& entry : files.entries()) {
            const auto base = base_of(entry.name);
            const auto status = base ? files.look(entry.name) : std::nullopt;
            if (!status || entry.kind != store::Folder::Kind::file) {
                continue;
            }
            auto& package = packages[*base];
            const auto when = store::modification_time(*status);
            const bool is_zip = entry.name.ends_with(".zip");
            package.has_zip = package.has_zip || is_zip;
            package.has_encrypted = package.has_encrypted || entry.name.ends_with(encrypted_suffix);
            package.names.insert(is_zip ? package.names.end() : package.names.begin(), entry.name);
            package.amount.add(*status);
            package.made = is_zip ? when : package.made;
            package.newest = std::max(package.newest, when);
        }
        return packages;
    }

    void clear_files(const store::Folder& files)
    {
        std::vector<Package> whole;
        for (auto& [base, package] : packages_in(files)) {
            const auto keep =
                std::chrono::seconds{package.has_encrypted ? m_order.keep_encrypted : keep_remains};
            if (package.has_zip) {
                whole.push_back(std::move(package));
            } else if (age(package.newest)
                       >= std::max<std::chrono::seconds>(keep, m_order.min_age)) {
                remove(files, package.has_encrypted ? Kind::encrypted : Kind::remains, package);
            } else {
                ++m_report.packages;
            }
        }
        std::ranges::sort(whole, {}, &Package::made);
        for (const auto& package : whole) {
            if (is_full() && age(package.newest) >= m_order.min_age) {
                remove(files, Kind::package, package);
            } else {
                ++m_report.packages;
            }
        }
    }

    void remove(const store::Folder& files, Kind kind, const Package& package)
    {
        take(kind, package.names.back(), package.newest, package.amount, [&] {
            for (const auto& name : package.names) {
                files.unlink(name);
            }
        });
    }

    store::Folder m_base;
    const ClearExportsOrder& m_order;
    const std::function<store::DiskSpace()>& m_disk;
    store::DiskSpace m_space;
    ClearExportsReport m_report;
};

} // namespace

std::string_view kind_name(Kind kind)
{
    switch (kind) {
    case Kind::work: return "work";
    case Kind::package: return "package";
    case Kind::encrypted: return "encrypted";
    case Kind::remains: break;
    }
    return "remains";
}

ClearExportsReport clear_exports(const fs::path& base, const ClearExportsOrder& order,
                                 const std::function<store::DiskSpace()>& disk)
{
    std::error_code unreadable; // then Folder says so
    if (!fs::exists(base, unreadable) && !unreadable && fs::is_directory(base.parent_path())) {
        return {}; // nobody has exported anything
    }
    return Run{base, order, disk}.report();
}

} // namespace fiona::cleanup
