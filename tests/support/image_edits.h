// SPDX-License-Identifier: MIT
//
// What the programs share beside which fiona's de-identification is measured: the attributes that
// they blank, and a frame around main(). None of them is a de-identifier.
#pragma once

#include <fmt/format.h>

#include <array>
#include <atomic>
#include <cstdint>
#include <cstdio>
#include <filesystem>
#include <span>
#include <string>
#include <thread>
#include <vector>

namespace fiona::testing {

/// Group and element number of some attributes that identify.
inline constexpr auto blanked_tags = std::to_array<std::uint32_t>(
    {0x00080050, 0x00080080, 0x00080081, 0x00080090, 0x00081010, 0x00081048, 0x00081050,
     0x00081070, 0x00100010, 0x00100020, 0x00100030, 0x00101040, 0x00104000, 0x00181000,
     0x00181030, 0x00321032, 0x00380010, 0x00380300, 0x00081030, 0x00400253});

/// Every file below `dir` but lists of them (.json).
inline std::vector<std::filesystem::path> images_below(const std::filesystem::path& dir)
{
    std::vector<std::filesystem::path> images;
    for (const auto& entry : std::filesystem::recursive_directory_iterator{dir}) {
        if (entry.is_regular_file() && entry.path().extension() != ".json") {
            images.push_back(entry.path());
        }
    }
    return images;
}

/// main() of a program called NAME DIR OUTPUT THREADS: bool edit(image, target) for every image
/// below DIR, in some threads.
template <class Edit>
int edit_images(const char* name, std::span<char*> arguments, Edit&& edit)
{
    if (arguments.size() != 4) {
        fmt::print(stderr, "usage: {} DIR OUTPUT THREADS\n", name);
        return 64;
    }
    const auto images = images_below(arguments[1]);
    const std::filesystem::path output{arguments[2]};
    std::filesystem::create_directories(output);
    std::atomic<std::size_t> next{0};
    std::atomic<std::size_t> done{0};
    {
        std::vector<std::jthread> threads;
        for (int i = 0; i < std::stoi(arguments[3]); ++i) {
            threads.emplace_back([&] {
                for (auto at = next++; at < images.size(); at = next++) {
                    done += edit(images[at], output / images[at].filename()) ? 1U : 0U;
                }
            });
        }
    }
    fmt::print("{} files\n", done.load());
    return done == images.size() ? 0 : 65;
}

} // namespace fiona::testing
