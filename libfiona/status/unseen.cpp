// SPDX-License-Identifier: MIT
#include "libfiona/status/unseen.h"

#include "libfiona/base/error.h"
#include "libfiona/base/log.h"

#include <filesystem>

namespace fiona::status {

std::string reason_of(const std::exception& problem)
{
    if (const auto* const error = dynamic_cast<const Error*>(&problem)) {
        return log::without_uids(error->what());
    }
    if (const auto* const disk = dynamic_cast<const std::filesystem::filesystem_error*>(&problem)) {
        return disk->code().message();
    }
    return "no memory was left, or a bug";
}

} // namespace fiona::status
