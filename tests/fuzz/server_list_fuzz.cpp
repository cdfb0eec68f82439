// SPDX-License-Identifier: MIT
// A list of a partner's server is names that are safe as file names, and digests; or it is refused.
#include "libfiona/base/error.h"
#include "libfiona/sftp/server_list.h"
#include "tests/fuzz/fuzz.h"

using namespace fiona;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size)
{
    try {
        for (const auto& [name, digest] : sftp::read_server_list(as_text(data, size))) {
            promise(name.find('/') == std::string::npos && name.find('\n') == std::string::npos);
            promise(sftp::md5_of_line(digest) == digest);
        }
    } catch (const Error& e) {
        promise(e.fault() == Fault::protocol);
    }
    return 0;
}
