// SPDX-License-Identifier: MIT
#pragma once

#include "libfiona/dicom/byte_range.h"
#include "libfiona/dicom/prescan_source.h"

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace fiona::dicom {

/// Encapsulated pixel data (PS3.5 §A.4) as one stream of bytes, whatever fragments it was cut into, looked
/// at through a window of fixed size. Internal to the walk over code streams.
class Fragments {
public:
    /// `items`: where the first item behind the offset table begins. Throws Error{Fault::data} wherever
    /// an item's length lies.
    Fragments(StoredBytes bytes, std::uint64_t items, RangeSink sink);
    /// All of `bytes` as one fragment without an item around it.
    Fragments(std::span<const std::byte> bytes, RangeSink sink);

    /// Whether there is another byte; goes on to the next fragment where one ends.
    [[nodiscard]] bool more();
    /// more(), and it is the first of its fragment.
    [[nodiscard]] bool at_start();
    /// The next bytes as far as the window and the fragment have them; none at the end of all.
    [[nodiscard]] std::span<const std::byte> window();
    /// The next byte, passed. Throws Error{Fault::data} at the end of all.
    [[nodiscard]] std::uint8_t take();
    [[nodiscard]] std::uint16_t take_16(); ///< the most significant byte first
    [[nodiscard]] std::uint32_t take_32();
    /// Passes as many bytes. Throws Error{Fault::data} if there are fewer.
    void skip(std::uint64_t count);
    /// Passes the first FF of the window and what is before it; without one all of the window, and false.
    bool skip_to_marker();
    /// As skip(); those that are not zero are told to the sink.
    void clear(std::uint64_t count);
    /// What is left of this fragment.
    void clear_rest() { clear(left()); }

    /// Bytes of all fragments passed so far.
    [[nodiscard]] std::uint64_t passed() const { return m_place.passed; }
    /// Of this fragment.
    [[nodiscard]] std::uint64_t left() const { return m_place.end - m_place.at; }

    struct Place {
        std::uint64_t at = 0;   ///< the next byte in the file
        std::uint64_t end = 0;  ///< of the fragment
        std::uint64_t next = 0; ///< where the next item is
        std::uint64_t passed = 0;
        bool is_at_start = false; ///< nothing of the fragment has been passed
        bool is_last = false;     ///< no item follows
    };
    /// For looking ahead: to go back to.
    [[nodiscard]] const Place& place() const { return m_place; }
    void go_back(const Place& place) { m_place = place; }

private:
    [[nodiscard]] bool open_next();
    void read_exactly(std::uint64_t offset, std::span<std::byte> target) const;
    void pass(std::uint64_t count);

    FileSource m_source;
    RangeSink m_sink;
    Place m_place;
    std::vector<std::byte> m_window;
    std::uint64_t m_window_at = 0; ///< its place in the file
};

} // namespace fiona::dicom
