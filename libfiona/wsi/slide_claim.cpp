// SPDX-License-Identifier: MIT
#include "libfiona/wsi/slide_claim.h"

#include "libfiona/base/error.h"
#include "libfiona/base/files.h"
#include "libfiona/base/log.h"
#include "libfiona/store/disk_space.h"
#include "libfiona/store/folder.h"

#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <vector>

namespace fiona::wsi {

namespace fs = std::filesystem;

namespace {

constexpr std::string_view prefix = "slide-";
constexpr std::string_view lock_suffix = ".lock";
constexpr std::string_view kept_suffix = ".kept";
constexpr std::chrono::seconds patience{30};
constexpr mode_t only_us = 0700;

void make_private(const fs::path& directory)
{
    if (::mkdir(directory.c_str(), only_us) != 0 && errno != EEXIST) {
        throw os_error(errno, "make a work folder");
    }
}

FileLock lock_of_claims(const fs::path& temporary)
{
    return FileLock{temporary / ".slides.lock", patience};
}

} // namespace

SlideClaim::SlideClaim(fs::path temporary, const std::string& id)
    : m_temporary{std::move(temporary)}, m_folder{m_temporary / fmt::format("{}{}", prefix, id)},
      m_lock_file{m_folder.native() + std::string{lock_suffix}}, m_lock{std::make_unique<FileLock>(
                                                                     m_lock_file)}
{
}

std::optional<SlideClaim> SlideClaim::take(const Paths& paths, const std::string& id)
{
    make_directories(paths.site());
    make_private(paths.temporary());
    const auto claims = lock_of_claims(paths.temporary());
    try {
        return SlideClaim{paths.temporary(), id};
    } catch (const Error& e) {
        if (e.fault() != Fault::temporary) {
            throw;
        }
        return std::nullopt;
    }
}

bool SlideClaim::is_taken(const Paths& paths, const std::string& id)
{
    const auto lock = paths.temporary() / fmt::format("{}{}{}", prefix, id, lock_suffix);
    return FileLock::holder(lock).has_value();
}

SlideClaim::~SlideClaim()
{
    if (m_lock == nullptr) {
        return;
    }
    try {
        const auto claims = lock_of_claims(m_temporary);
        ::unlink(m_lock_file.c_str());
        m_lock.reset();
    } catch (const std::exception& e) { // the file stays, and is used again
        log::debug("claim_file_left", {{"reason", e.what()}});
    }
}

fs::path SlideClaim::folder(std::uint64_t bytes) const
{
    store::require_space(m_temporary, bytes);
    make_private(m_folder);
    return m_folder;
}

void SlideClaim::remove() const
{
    store::remove_tree(m_folder);
}

void SlideClaim::drop_unfinished() const
{
    std::error_code absent;
    for (const auto& entry : fs::directory_iterator{m_folder, absent}) {
        if (entry.path().extension() == ".json") {
            return;
        }
    }
    remove();
}

void SlideClaim::keep() const
{
    const fs::path kept{m_folder.native() + std::string{kept_suffix}};
    store::remove_tree(kept);
    if (::rename(m_folder.c_str(), kept.c_str()) != 0 && errno != ENOENT) {
        throw os_error(errno, "keep a work folder");
    }
}

void SlideClaim::sweep(const Paths& paths, const std::set<std::string>& living)
{
    std::error_code absent;
    std::set<std::string> dead;
    for (const auto& entry : fs::directory_iterator{paths.temporary(), absent}) {
        const auto name = entry.path().filename().native();
        if (!name.starts_with(prefix) || name.ends_with(kept_suffix)) {
            continue;
        }
        auto id = name.substr(prefix.size());
        if (id.ends_with(lock_suffix)) {
            id.resize(id.size() - lock_suffix.size());
        }
        if (!living.contains(id)) {
            dead.insert(std::move(id));
        }
    }
    for (const auto& id : dead) {
        if (const auto claim = take(paths, id)) {
            claim->remove();
            log::info("slide_workspace_swept", {{"upload", id}});
        }
    }
}

} // namespace fiona::wsi
