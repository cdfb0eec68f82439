// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <span>
#include <string>
#include <vector>

/// OpenSlide, loaded when it is needed and only in limited children (pixel/limited_child.h): it reads
/// strangers' bytes with a dozen libraries. To be used while this process has one thread.
namespace fiona::wsi {

struct Region {
    std::size_t level = 0;
    std::uint64_t x = 0; ///< of that level's pixels
    std::uint64_t y = 0;
    std::uint32_t width = 0;
    std::uint32_t height = 0;
};

/// What one call may ask for, bytes of RGB.
inline constexpr std::uint64_t most_region_bytes = std::uint64_t{48} << 20U;

/// The regions as RGB, 8 bits, without padding; white where the slide has nothing. One child for all: ask
/// for many at a time. Throws Error{Fault::data} if OpenSlide cannot read them, Fault::missing if there is
/// no OpenSlide, Fault::internal above most_region_bytes.
[[nodiscard]] std::vector<std::string> decode_regions(const std::filesystem::path& slide,
                                                      std::span<const Region> regions);

/// For who is inside a limited child already: one level of an open slide, region by region.
class LevelReader {
public:
    /// Throws as decode_regions() does, and Error{Fault::data} if no level has that size.
    LevelReader(const std::filesystem::path& slide, std::uint64_t width, std::uint64_t height);
    LevelReader(const LevelReader&) = delete;
    LevelReader& operator=(const LevelReader&) = delete;
    ~LevelReader();

    /// RGB as by decode_regions(); `region.level` has no meaning.
    [[nodiscard]] std::string read(Region region) const;

private:
    struct State;
    std::unique_ptr<State> m_state;
};

} // namespace fiona::wsi
