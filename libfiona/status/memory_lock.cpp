// SPDX-License-Identifier: MIT
#include "libfiona/status/memory_lock.h"

#include "libfiona/base/error.h"
#include "libfiona/base/files.h"
#include "libfiona/base/log.h"

namespace fiona::status {

std::optional<FileLock> lock_memory(const Paths& paths, Mode mode)
{
    std::optional<FileLock> lock;
    if (mode == Mode::apply) {
        try {
            make_directories(paths.state() / "status");
            lock.emplace(paths.state() / "status" / ".lock");
        } catch (const Error& e) {
            log::debug("nothing_remembered", {{"reason", e.what()}});
        }
    }
    return lock;
}

} // namespace fiona::status
