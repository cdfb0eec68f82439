// SPDX-License-Identifier: MIT
#include "libfiona/outbox/quarantine.h"

#include "libfiona/base/error.h"
#include "libfiona/base/files.h"
#include "libfiona/store/atomic_file.h"

#include <cerrno>
#include <cstdio>

namespace fiona::outbox {

namespace fs = std::filesystem;

void set_aside(const fs::path& outbox, const Reject& reject, TimePoint now)
{
    constexpr std::size_t longest_name = 200; // with its ending it is still a file name
    const auto directory = outbox / "corrupt";
    make_directories(directory);
    const auto stamp = epoch_seconds(now);
    for (const auto& file : reject.files) {
        auto target = directory / file;
        if (fs::exists(fs::symlink_status(target))) { // an earlier one of that name
            target += fmt::format(".{}", stamp);
        }
        if (::rename((outbox / file).c_str(), target.c_str()) != 0 && errno != ENOENT) {
            throw os_error(errno, "set an item aside");
        }
    }
    store::write_file(directory
                          / fmt::format("{}.{}.reason", reject.name.substr(0, longest_name), stamp),
                      reject.reason + "\n");
    sync_directory(outbox);
}

} // namespace fiona::outbox
