// SPDX-License-Identifier: MIT
#include "libfiona/site/builder.h"

#include "libfiona/base/error.h"
#include "libfiona/base/files.h"
#include "libfiona/store/atomic_file.h"

#include <sys/stat.h>

#include <cerrno>

namespace fiona::site {

namespace fs = std::filesystem;

bool Builder::must_make(const fs::path& path)
{
    std::error_code problem;
    if (fs::exists(fs::symlink_status(path, problem))) {
        m_kept.push_back(path);
        return false;
    }
    m_made.push_back(path);
    return m_mode == Mode::apply;
}

void Builder::directory(const fs::path& path, mode_t mode)
{
    if (!must_make(path)) {
        if (m_mode == Mode::apply && !fs::is_directory(path)) {
            throw Error{Fault::data, "{} must be a directory; move it away and run init again",
                        path.native()};
        }
        return;
    }
    make_directories(path.parent_path());
    if (::mkdir(path.c_str(), mode) != 0 && errno != EEXIST) {
        throw os_error(errno, "make " + path.native());
    }
    if (::chmod(path.c_str(), mode) != 0) { // whatever the umask took away
        throw os_error(errno, "chmod " + path.native());
    }
}

void Builder::file(const fs::path& path, std::string_view content, mode_t mode)
{
    if (!must_make(path)) {
        return;
    }
    store::AtomicFile file{path, mode};
    file.write(content);
    file.commit_new();
}

} // namespace fiona::site
