// SPDX-License-Identifier: MIT
#include "libfiona/base/error.h"

#include <catch2/catch.hpp>

#include <cerrno>

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
