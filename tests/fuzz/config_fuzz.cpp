// SPDX-License-Identifier: MIT
// A configuration as somebody edits it: refused with the key, or read.
#include "libfiona/base/config.h"
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
        const auto config = Config::load(file.path());
        promise(!config.paths.archive().empty());
        promise(config.paths.archive().is_absolute());
    } catch (const Error& e) {
        promise(e.fault() == Fault::config || e.fault() == Fault::data
                || e.fault() == Fault::missing || e.fault() == Fault::permission);
    }
    return 0;
}
