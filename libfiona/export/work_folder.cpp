// SPDX-License-Identifier: MIT
#include "libfiona/export/work_folder.h"

#include "libfiona/base/error.h"
#include "libfiona/base/files.h"
#include "libfiona/base/unique_fd.h"
#include "libfiona/store/folder.h"

#include <sys/stat.h>

#include <cerrno>

namespace fiona::exports {

namespace fs = std::filesystem;

namespace {

constexpr mode_t only_us = 0700;

void make_private(const fs::path& folder)
{
    if (::mkdir(folder.c_str(), only_us) != 0 && errno != EEXIST) {
        throw os_error(errno, "make a work folder");
    }
}

} // namespace

WorkFolder::WorkFolder(const fs::path& work, const std::string& job)
    : m_work{work}, m_name{"tmp_" + job}, m_folder{work / m_name}
{
    make_directories(work);
    make_private(m_folder);
    m_lock.emplace(m_folder / ".lock");
}

fs::path WorkFolder::keep(const std::string& name) const
{
    auto folder = m_folder / name;
    make_private(folder);
    return folder;
}

fs::path WorkFolder::fresh(const std::string& name) const
{
    store::remove_tree(m_folder / name);
    return keep(name);
}

void WorkFolder::remove()
{
    store::remove_tree(m_work / m_name);
    m_lock.reset();
}

} // namespace fiona::exports
