// SPDX-License-Identifier: MIT
#include "libfiona/pacs/commitment_search.h"

#include "libfiona/base/error.h"
#include "libfiona/base/ids.h"
#include "libfiona/base/unique_fd.h"
#include "libfiona/dicom/prescan.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <memory>
#include <string_view>
#include <unordered_map>

namespace fiona::pacs {

namespace fs = std::filesystem;
using std::chrono::steady_clock;

namespace {

constexpr std::uint16_t processing_failure = 0x0110;
constexpr std::uint16_t no_such_instance = 0x0112;
constexpr std::uint16_t class_instance_conflict = 0x0119;

struct CloseDirectory {
    void operator()(DIR* directory) const { ::closedir(directory); }
};
using Directory = std::unique_ptr<DIR, CloseDirectory>;

struct Study {
    std::string name;
    timespec changed{};
};

Directory open_directory(int parent, const char* name)
{
    const int fd = ::openat(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    Directory directory{fd < 0 ? nullptr : ::fdopendir(fd)}; // which takes the descriptor
    if (!directory && fd >= 0) {
        ::close(fd);
    }
    return directory;
}

/// Directories of studies, the last changed first.
std::vector<Study> studies_of(DIR* archive)
{
    std::vector<Study> studies;
    while (const auto* const entry =
               ::readdir(archive)) { // NOLINT(concurrency-mt-unsafe) one thread, own stream
        Study study{&entry->d_name[0], {}};
        struct stat status {};
        if (study.name.starts_with("scp_")
            && ::fstatat(::dirfd(archive), study.name.c_str(), &status, AT_SYMLINK_NOFOLLOW) == 0
            && S_ISDIR(status.st_mode)) {
            study.changed = status.st_mtim;
            studies.push_back(std::move(study));
        }
    }
    std::ranges::sort(studies, [](const Study& a, const Study& b) {
        return a.changed.tv_sec != b.changed.tv_sec ? a.changed.tv_sec > b.changed.tv_sec
                                                    : a.changed.tv_nsec > b.changed.tv_nsec;
    });
    return studies;
}

class Search {
public:
    explicit Search(const std::vector<ObjectReference>& objects)
        : m_objects{objects}, m_verdicts(objects.size(), Commitment::no_such_object)
    {
        for (std::size_t i = 0; i < objects.size(); ++i) {
            if (is_uid(objects[i].sop_instance)) {
                m_wanted.emplace(objects[i].sop_instance, i);
            }
        }
        m_open = m_wanted.size();
    }

    [[nodiscard]] bool is_done() const { return m_open == 0; }

    void look_into(DIR* study)
    {
        bool is_synced = false;
        while (const auto* const entry =
                   ::readdir(study)) { // NOLINT(concurrency-mt-unsafe) one thread, own stream
            // <MOD>.<SOPUID>
            const std::string_view name{&entry->d_name[0]};
            const auto dot = name.find('.');
            if (dot == 0 || dot == std::string_view::npos) {
                continue;
            }
            const auto [first, last] = m_wanted.equal_range(name.substr(dot + 1));
            if (first == last) {
                continue;
            }
            // A name may be in the directory and not yet on the disk.
            is_synced = is_synced || ::fsync(::dirfd(study)) == 0;
            for (auto wanted = first; wanted != last; ++wanted) {
                judge(wanted->second, ::dirfd(study), entry->d_name, is_synced);
            }
        }
    }

    /// What was not found so far will not be looked for.
    void give_up()
    {
        std::ranges::replace(m_verdicts, Commitment::no_such_object, Commitment::unknown);
    }

    [[nodiscard]] std::vector<Commitment> take() { return std::move(m_verdicts); }

private:
    void judge(std::size_t index, int directory, const char* name, bool is_synced)
    {
        auto& verdict = m_verdicts.at(index);
        if (verdict == Commitment::committed) {
            return;
        }
        const auto found = inspect(m_objects.at(index), directory, name);
        verdict = found == Commitment::committed && !is_synced ? Commitment::unknown : found;
        if (verdict == Commitment::committed) {
            --m_open;
        }
    }

    static Commitment inspect(const ObjectReference& wanted, int directory, const char* name)
    {
        const UniqueFd file{
            ::openat(directory, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC)};
        struct stat status {};
        if (!file || ::fstat(file.get(), &status) != 0 || !S_ISREG(status.st_mode)) {
            return Commitment::unknown;
        }
        try {
            const auto scan = dicom::prescan(file.get());
            if (scan.sop_instance != wanted.sop_instance) {
                return Commitment::unknown;
            }
            if (scan.sop_class != wanted.sop_class) {
                return Commitment::other_class;
            }
        } catch (const Error&) {
            return Commitment::unknown;
        }
        // Free of cost when the receiver has synced it; it need not have (durability "none").
        return ::fdatasync(file.get()) == 0 ? Commitment::committed : Commitment::unknown;
    }

    const std::vector<ObjectReference>& m_objects;
    std::vector<Commitment> m_verdicts;
    std::unordered_multimap<std::string_view, std::size_t> m_wanted; ///< by SOP instance UID
    std::size_t m_open = 0;
};

} // namespace

std::uint16_t failure_reason(Commitment verdict)
{
    switch (verdict) {
    case Commitment::no_such_object: return no_such_instance;
    case Commitment::other_class: return class_instance_conflict;
    case Commitment::committed:
    case Commitment::unknown: break;
    }
    return processing_failure;
}

std::vector<Commitment> find_committed(const fs::path& archive,
                                       const std::vector<ObjectReference>& objects,
                                       steady_clock::time_point deadline)
{
    Search search{objects};
    const auto root = open_directory(AT_FDCWD, archive.c_str());
    if (!root || ::fsync(::dirfd(root.get())) != 0) { // a study's directory may be new, too
        search.give_up();
        return search.take();
    }
    for (const auto& study : studies_of(root.get())) {
        if (search.is_done()) {
            break;
        }
        if (steady_clock::now() > deadline) {
            search.give_up();
            break;
        }
        if (const auto directory = open_directory(::dirfd(root.get()), study.name.c_str())) {
            search.look_into(directory.get());
        }
    }
    return search.take();
}

} // namespace fiona::pacs
