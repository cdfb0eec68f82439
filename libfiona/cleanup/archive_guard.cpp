// SPDX-License-Identifier: MIT
#include "libfiona/cleanup/archive_guard.h"

#include "libfiona/base/error.h"
#include "libfiona/base/files.h"
#include "libfiona/base/log.h"
#include "libfiona/base/text.h"
#include "libfiona/store/atomic_file.h"
#include "libfiona/store/folder.h"

#include <sys/stat.h>

#include <algorithm>
#include <filesystem>
#include <random>
#include <string>

namespace fiona::cleanup {

namespace {

constexpr std::size_t most_id_bytes = 4096;

bool has_studies(const store::Folder& folder, std::string_view prefix)
{
    return std::ranges::any_of(folder.entries(), [&](const store::Folder::Entry& entry) {
        return entry.kind == store::Folder::Kind::directory && entry.name.starts_with(prefix)
               && is_uid(std::string_view{entry.name}.substr(prefix.size()));
    });
}

bool has_sorted_studies(const Paths& paths)
{
    std::error_code unreadable; // then Folder says so
    return (std::filesystem::exists(paths.raw(), unreadable) || unreadable)
           && has_studies(store::Folder{paths.raw(), "the sorted studies"}, "");
}

std::string id_in(const std::filesystem::path& file)
{
    return std::string{trimmed(read_file_if_any(file, most_id_bytes).value_or(""))};
}

std::optional<std::pair<dev_t, ino_t>> identity_of(const std::filesystem::path& path)
{
    struct stat status {};
    return ::stat(path.c_str(), &status) == 0
               ? std::optional{std::pair{status.st_dev, status.st_ino}}
               : std::nullopt;
}

std::string new_id()
{
    std::random_device source;
    std::string id;
    constexpr int words = 4;
    for (int i = 0; i < words; ++i) {
        id += fmt::format("{:08x}", source());
    }
    return id;
}

} // namespace

void check_archive(const Paths& paths, Mode mode, Emptiness emptiness)
{
    const store::Folder archive{paths.archive(), "the archive"};
    const bool has_any = has_studies(archive, "scp_");
    const auto marker = paths.archive() / ".fiona-archive";
    const auto note = paths.status() / "archive-id";
    auto found = id_in(marker);
    const auto noted = id_in(note);
    if (!noted.empty() && found != noted) {
        throw Error{Fault::missing,
                    "{} is not the archive of this site: is its disk mounted? If the archive has "
                    "moved for good, remove {}",
                    paths.archive().native(), note.native()};
    }
    if (!has_any && emptiness == Emptiness::refused && has_sorted_studies(paths)) {
        throw Error{Fault::missing,
                    "{} holds no study, but {} knows some: is its disk mounted? Nothing is removed",
                    paths.archive().native(), paths.raw().native()};
    }
    if (mode == Mode::dry_run || !has_any || !noted.empty()) {
        return;
    }
    try {
        if (found.empty()) {
            found = new_id();
            store::write_file(marker, found + "\n");
        }
        make_directories(paths.status());
        store::write_file(note, found + "\n");
    } catch (const Error& e) {
        if (e.fault() != Fault::io) {
            throw;
        }
        // A full disk: whoever makes room must not need some. The next run marks it.
        log::warn("archive_not_marked", {{"reason", e.what()}});
    }
}

LinkedPlaces::LinkedPlaces(const Paths& paths)
    : m_places{Place{paths.archive(), identity_of(paths.archive())},
               Place{paths.raw(), identity_of(paths.raw())}}
{
}

void LinkedPlaces::require_unchanged() const
{
    for (const auto& [path, identity] : m_places) {
        if (identity && identity_of(path) != identity) {
            throw Error{Fault::missing,
                        "{} is not the directory that it was: has its disk gone away? Nothing "
                        "more is removed",
                        path.native()};
        }
    }
}

} // namespace fiona::cleanup
