// SPDX-License-Identifier: MIT
#include "libfiona/base/error.h"

#include <cerrno>
#include <system_error>

namespace fiona {

Error os_error(int error_number, std::string_view doing)
{
    const auto fault = [error_number] {
        switch (error_number) {
        case ENOENT:
        case ENOTDIR: return Fault::missing;
        case EACCES:
        case EPERM: return Fault::permission;
        case EAGAIN:
        case EBUSY:
        case EINTR:
        case EMFILE:
        case ENFILE:
        case ENOMEM: return Fault::temporary;
        default: return Fault::io;
        }
    }();
    return Error{fault, "{}: {}", doing, std::generic_category().message(error_number)};
}

Error disk_error(const std::filesystem::filesystem_error& problem)
{
    return os_error(problem.code().value(), "a file or directory");
}

} // namespace fiona
