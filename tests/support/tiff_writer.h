// SPDX-License-Identifier: MIT
#pragma once

#include "libfiona/base/unique_fd.h"

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

/// Writes TIFF and BigTIFF files as scanners do: data first, then the directory that describes it.
namespace slide_maker {

enum class Layout { classic, big };
enum class ByteOrder { little, big };

/// One entry of a directory. `type` as TIFF 6.0 numbers them.
struct Field {
    std::uint16_t tag = 0;
    std::uint16_t type = 0;
    std::vector<std::uint64_t>
        numbers{};       ///< of whole numbers, or numerator and denominator by turns
    std::string bytes{}; ///< of ASCII, BYTE, UNDEFINED
};

[[nodiscard]] Field shorts(std::uint16_t tag, std::vector<std::uint64_t> values);
[[nodiscard]] Field longs(std::uint16_t tag, std::vector<std::uint64_t> values);
/// LONG, in a BigTIFF file LONG8.
[[nodiscard]] Field offsets(std::uint16_t tag, std::vector<std::uint64_t> values);
[[nodiscard]] Field ascii(std::uint16_t tag, const std::string& text);
[[nodiscard]] Field undefined(std::uint16_t tag, std::string bytes);
[[nodiscard]] Field rational(std::uint16_t tag, std::uint64_t numerator, std::uint64_t denominator);

class TiffWriter {
public:
    explicit TiffWriter(const std::filesystem::path& path, Layout layout = Layout::classic,
                        ByteOrder order = ByteOrder::little);

    /// Appends bytes, at an even place. Gives the place.
    std::uint64_t add(std::string_view bytes);
    /// What comes next lies so much further on; the file is not written there.
    void leave_hole(std::uint64_t bytes) { m_end += bytes; }
    /// Appends a directory, and links it to the one before. Gives its place.
    std::uint64_t add_directory(std::vector<Field> fields);
    /// A directory that is not in the chain: for SubIFDs.
    std::uint64_t add_lone_directory(std::vector<Field> fields);
    /// Makes a hole at the end part of the file.
    void finish();

private:
    [[nodiscard]] std::string encoded(std::uint64_t value, std::size_t bytes) const;
    [[nodiscard]] std::string value_of(const Field& field) const;
    std::uint64_t write_directory(std::vector<Field> fields);
    void write(std::uint64_t place, std::string_view bytes) const;

    fiona::UniqueFd m_fd;
    bool m_is_big;
    ByteOrder m_order;
    std::uint64_t m_end = 0;
    std::uint64_t m_pointer = 0; ///< where the next directory's place is to be written
};

} // namespace slide_maker
