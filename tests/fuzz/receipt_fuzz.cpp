// SPDX-License-Identifier: MIT
// A receipt from elsewhere: nobody without the site's key makes one that is believed.
#include "libfiona/anonymize/receipt.h"
#include "libfiona/base/error.h"
#include "tests/fuzz/fuzz.h"
#include "tests/fuzz/memory_file.h"

using namespace fiona;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size)
{
    const MemoryFile file{data, size};
    if (!file.is_whole()) {
        return 0;
    }
    try {
        const auto findings =
            anonymize::check_receipts({file.path()}, std::string(64, '1')); // nobody has this key
        promise(!findings.empty());
    } catch (const Error& e) {
        promise(e.fault() == Fault::data || e.fault() == Fault::io);
    }
    return 0;
}
