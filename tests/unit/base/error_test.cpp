// SPDX-License-Identifier: MIT
#include "libfiona/base/error.h"

#include <catch2/catch.hpp>

#include <cerrno>
#include <filesystem>
#include <string>
#include <system_error>

using namespace fiona;

TEST_CASE("circumstances stand before the text and the fault stays")
{
    const auto error = Error{Fault::protocol, "status {:04x}", 0xa700}.in("request 7");

    CHECK(error.what() == std::string{"request 7: status a700"});
    CHECK(error.fault() == Fault::protocol);
}

TEST_CASE("an error of the system has the fault an operator expects")
{
    const auto [number, fault] = GENERATE(table<int, Fault>({{ENOENT, Fault::missing},
                                                             {ENOTDIR, Fault::missing},
                                                             {EACCES, Fault::permission},
                                                             {EPERM, Fault::permission},
                                                             {EAGAIN, Fault::temporary},
                                                             {EINTR, Fault::temporary},
                                                             {EBUSY, Fault::temporary},
                                                             {ENOMEM, Fault::temporary},
                                                             {EMFILE, Fault::temporary},
                                                             {ENOSPC, Fault::io},
                                                             {EDQUOT, Fault::io},
                                                             {EROFS, Fault::io},
                                                             {EIO, Fault::io}}));
    CAPTURE(number);

    CHECK(os_error(number, "write the archive").fault() == fault);
    CHECK(std::string{os_error(number, "write the archive").what()}.starts_with(
        "write the archive: "));
}

TEST_CASE("an error of std::filesystem is told without the paths that it holds")
{
    const std::filesystem::filesystem_error problem{
        "cannot rename", "/data/site/participants/PAT-1001", "/data/PAT-1002",
        std::make_error_code(std::errc::no_space_on_device)};

    const auto error = disk_error(problem);

    CHECK(error.fault() == Fault::io);
    CHECK(std::string{error.what()}.find("PAT") == std::string::npos);
}
