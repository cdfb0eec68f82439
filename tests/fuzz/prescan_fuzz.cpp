// SPDX-License-Identifier: MIT
// A libFuzzer target: clang++ -std=c++20 -O1 -g -fsanitize=fuzzer,address,undefined -DZLIB_CONST -I. with
// libfiona/dicom/prescan*.cpp, libfiona/base/error.cpp and -lfmt -ldcmdata -loflog -lofstd -lz.
//
#include "libfiona/base/error.h"
#include "libfiona/base/unique_fd.h"
#include "libfiona/dicom/prescan.h"

#include <sys/mman.h>
#include <unistd.h>

#include <cstddef>
#include <cstdint>
#include <cstdlib>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t count)
{
    const fiona::UniqueFd fd{::memfd_create("prescan_fuzz", MFD_CLOEXEC)};
    if (::write(fd.get(), bytes, count) != static_cast<ssize_t>(count)) {
        return 0;
    }
    try {
        static_cast<void>(fiona::dicom::prescan(fd.get()));
    } catch (const fiona::Error& e) {
        if (e.fault() != fiona::Fault::data) {
            std::abort();
        }
    }
    return 0;
}
