// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <span>
#include <string_view>

/// What libFuzzer calls, once for each input. An input that is refused with fiona::Error is fine; any
/// other exception, a false promise, or what the sanitizers see, is a finding.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);

/// Ends the process with a core if a promise does not hold.
inline void promise(bool holds)
{
    if (!holds) {
        std::abort();
    }
}

inline std::string_view as_text(const std::uint8_t* data, std::size_t size)
{
    // NOLINTNEXTLINE(*-reinterpret-cast) bytes as text, that is all
    return {reinterpret_cast<const char*>(data), size};
}
