// SPDX-License-Identifier: MIT
#pragma once

#include "libfiona/anonymize/data_set.h"
#include "libfiona/base/unique_fd.h"
#include "libfiona/dicom/pixel_element.h"

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>

namespace fiona::anonymize {

/// Where things are in an input file; kept for every file between the two passes.
struct Layout {
    std::string transfer_syntax;
    Encoding encoding = Encoding::explicit_little;
    bool is_deflated = false;
    std::uint64_t data_set_offset = 0;
    std::uint64_t pixel_offset = 0; ///< the end of the file if there is no pixel data
    std::uint64_t file_bytes = 0;
};

[[nodiscard]] dicom::Coding coding_of(Encoding encoding);

/// The pre-scan, and what of it is needed later. Throws Error{Fault::data}.
[[nodiscard]] Layout examine(const std::filesystem::path& file);

/// An input file with its header in memory and its pixel data on the disk. Only a deflated data set
/// is held as a whole.
class SourceFile {
public:
    /// Throws Error{Fault::data} if the file is no longer what examine() saw, or if its header
    /// alone has more than 256 MB.
    SourceFile(const std::filesystem::path& file, const Layout& layout);

    /// The data set up to its pixel data (deflated: inflated, to its end).
    [[nodiscard]] std::string_view header() const { return m_header; }
    /// The bytes that hold the pixel data element: the file, or of a deflated one its data set. Borrowed.
    [[nodiscard]] dicom::StoredBytes stored() const;
    /// Where in stored() it is; nothing if there is none. `parsed_end`: where reading of header() stopped.
    /// Throws Error{Fault::data} if it is cut off.
    [[nodiscard]] std::optional<dicom::PixelElement> pixel_element(std::size_t parsed_end) const;

    struct Stretch {
        std::uint64_t offset = 0;
        std::uint64_t bytes = 0;
    };
    /// Writes a part of stored(). Throws Error if it cannot be read or written.
    void copy(int target, const Stretch& part) const;
    /// Writes the pixel data element as it is, nothing behind it. Returns how many bytes. Throws Error
    /// if it cannot be read or written.
    [[nodiscard]] std::uint64_t copy_pixels(int target, std::size_t parsed_end) const;
    /// Where in the file the pixel data element is, for whoever copies it himself; nothing of a
    /// deflated one: there it is in header().
    [[nodiscard]] Stretch pixels() const;

private:
    [[nodiscard]] std::string bytes_at(std::uint64_t offset, std::size_t count) const;
    void inflate_data_set(std::string_view deflated);

    Layout m_layout;
    UniqueFd m_fd;
    std::string m_header;
};

} // namespace fiona::anonymize
