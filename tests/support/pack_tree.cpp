// SPDX-License-Identifier: MIT
#include "libfiona/base/log.h"
#include "libfiona/dicom/library.h"
#include "libfiona/export/package.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <string>
#include <vector>

namespace fs = std::filesystem;
using namespace fiona;

/// pack-tree DIRECTORY TYPE store|deflate THREADS PACKAGE.zip: what fiona-create-zip does to a study when
/// it has it, for scripts/bench package.
int main(int argc, char** argv)
try {
    const std::vector<std::string> words(argv + 1, argv + argc);
    if (words.size() != 5) {
        fmt::print(stderr, "usage: pack-tree DIRECTORY TYPE store|deflate THREADS PACKAGE.zip\n");
        return 64;
    }
    const dicom::Library library;
    std::vector<fs::path> files;
    for (const auto& entry : fs::recursive_directory_iterator{words[0]}) {
        if (entry.is_regular_file() && entry.path().extension() != ".json") {
            files.push_back(entry.path());
        }
    }
    std::ranges::sort(files);
    const fs::path package{words[4]};
    exports::ExportSettings settings;
    settings.compression =
        words[2] == "store" ? exports::zip::Compression::store : exports::zip::Compression::deflate;
    settings.threads = static_cast<unsigned>(std::stoul(words[3]));
    const auto types = exports::ExportTypes::load(shipped_file("export/exports.json"));
    const exports::PackageFacts facts{.project = "DEMO",
                                      .participant_id = "DEMO_0001",
                                      .event = "baseline",
                                      .folder = "baseline"};
    const Config config{};
    const exports::WorkFolder work{package.parent_path(), "bench"};
    const Private<std::string> no_password{""};
    const auto totals = exports::make_package({config, settings, types.find(words[1]), facts, files,
                                               work, no_password, Clock::now(),
                                               [](std::size_t /*done*/, std::size_t /*all*/) {}},
                                              package);
    fmt::print("{} entries, {} bytes, {} packed\n", totals.entries, totals.bytes, totals.packed);
    return 0;
} catch (const std::exception& e) {
    fmt::print(stderr, "pack-tree: {}\n", e.what());
    return 70;
}
