// SPDX-License-Identifier: MIT
#pragma once

#include "libfiona/pixel/frame_codec.h"

#include <cstdint>
#include <string>
#include <vector>

namespace fiona::pixel {

/// Where a value of the pixel data element lies in a file.
struct PixelElement {
    std::uint64_t value_offset = 0;
    std::uint64_t value_length = 0; ///< of native data
    bool is_encapsulated = false;
    bool is_word = false; ///< OW: in big endian files its bytes are swapped in pairs
    std::string vr;       ///< "OB", "OW" or "UN"; "OW" in implicit VR
};

/// Frame by frame out of an open file (borrowed); never more than one in memory.
class FrameSource {
public:
    /// `element_offset`: of the pixel data element, by the pre-scan. Finds all frames; throws
    /// Error{Fault::data} if they are not as many or not as long as the header says, or if
    /// fragments cannot be told apart.
    FrameSource(int fd, std::uint64_t element_offset, std::string transfer_syntax,
                const PixelDescription& description);

    [[nodiscard]] std::uint32_t frames() const { return m_description.frames; }
    [[nodiscard]] const std::string& transfer_syntax() const { return m_syntax; }
    [[nodiscard]] const PixelElement& element() const { return m_element; }
    /// Samples in little endian. Decodes in this process.
    [[nodiscard]] Frame frame(std::uint32_t index) const;
    /// The compressed fragments of a frame as they are.
    [[nodiscard]] std::vector<Bytes> fragments(std::uint32_t index) const;

private:
    struct Fragment {
        std::uint64_t offset = 0;
        std::uint32_t length = 0;
        std::uint64_t item = 0; ///< of its item tag, from the end of the offset table
    };

    [[nodiscard]] Bytes read(std::uint64_t offset, std::uint64_t count) const;
    void read_element(std::uint64_t offset);
    void check_native_length() const;
    [[nodiscard]] std::vector<std::uint32_t> read_fragments();
    void group_fragments(const std::vector<std::uint32_t>& offset_table);
    [[nodiscard]] bool group_by_table(const std::vector<std::uint32_t>& offset_table);
    [[nodiscard]] bool group_by_start_of_image();

    int m_fd;
    std::string m_syntax;
    PixelDescription m_description;
    PixelElement m_element;
    std::vector<Fragment> m_fragments;
    std::vector<std::uint32_t> m_first_fragment; ///< of each frame, and one behind the last
};

/// Bytes of 16-bit words swapped in place; an odd last byte stays.
void swap_pairs(Bytes& bytes);

} // namespace fiona::pixel
