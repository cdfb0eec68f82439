// SPDX-License-Identifier: MIT
// Runs a fuzz target over the files of the directories given: what once broke it never does again.
#include "libfiona/base/files.h"
#include "tests/fuzz/fuzz.h"

#include <cstdio>
#include <filesystem>

int main(int argc, char** argv)
{
    std::size_t count = 0;
    for (int i = 1; i < argc; ++i) {
        for (const auto& entry : std::filesystem::directory_iterator{argv[i]}) {
            std::printf("%s\n", entry.path().c_str()); // the last line names the culprit
            std::fflush(stdout);
            const auto bytes = fiona::read_file(entry.path());
            const auto span = std::as_bytes(std::span{bytes});
            // NOLINTNEXTLINE(*-reinterpret-cast) libFuzzer's own interface
            LLVMFuzzerTestOneInput(reinterpret_cast<const std::uint8_t*>(span.data()), span.size());
            ++count;
        }
    }
    std::printf("%zu seeds\n", count);
    return count > 0 ? 0 : 1;
}
