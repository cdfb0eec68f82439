// SPDX-License-Identifier: MIT
#pragma once

#include "libfiona/store/atomic_file.h"
#include "libfiona/wsi/jpeg_stream.h"

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

namespace fiona::wsi {

/// How the places of frames are told. Beyond 4 GiB a Basic Offset Table, of 32 bits, cannot.
enum class OffsetTable { basic, extended };

/// The table for frames of `most_bytes` together.
[[nodiscard]] OffsetTable offset_table_for(std::uint64_t frames, std::uint64_t most_bytes);

/// A DICOM file whose pixel data are encapsulated frames (PS3.5 §A.4), written frame by frame; one
/// fragment for each. Places for header and offset tables are kept, and filled in the end: nothing
/// has to be read twice.
class EncapsulatedFile {
public:
    /// `header`: preamble to the last element before group 7FE0, in Explicit VR Little Endian.
    EncapsulatedFile(const std::filesystem::path& target, std::string_view header,
                     std::uint64_t frames, OffsetTable table);

    /// Throws Error{Fault::internal} for more frames than were promised, or too large ones.
    void add(ByteSpan frame);
    /// Everything but the name. `header` as long as the first one was.
    void finish(std::string_view header);
    /// Gives it its name, synced.
    void commit();

    [[nodiscard]] std::uint64_t bytes() const { return m_bytes; } ///< of the file so far
    [[nodiscard]] std::uint64_t frame_bytes() const { return m_frame_bytes; }

private:
    void put(std::string_view bytes);
    void flush();

    store::AtomicFile m_file;
    std::uint64_t m_frames;
    OffsetTable m_table;
    std::size_t m_header_bytes;
    std::vector<std::uint32_t> m_lengths;
    std::uint64_t m_frame_bytes = 0; ///< without padding
    std::uint64_t m_bytes = 0;
    std::uint64_t m_written_back = 0;
    std::string m_buffer;
};

} // namespace fiona::wsi
