// SPDX-License-Identifier: MIT
#include "libfiona/dicom/fragments.h"

#include "libfiona/base/error.h"
#include "libfiona/dicom/coding.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <utility>

namespace fiona::dicom {

namespace {

constexpr std::size_t window_bytes = std::size_t{64} << 10U;

Error cut_off()
{
    return Error{Fault::data, "a compressed frame is cut off"};
}

} // namespace

Fragments::Fragments(StoredBytes bytes, std::uint64_t items, RangeSink sink)
    : m_source{bytes}, m_sink{std::move(sink)}, m_place{.next = items}
{
}

Fragments::Fragments(std::span<const std::byte> bytes, RangeSink sink)
    : m_source{bytes}, m_sink{std::move(sink)}, m_place{.end = bytes.size(),
                                                        .next = bytes.size(),
                                                        .is_at_start = true,
                                                        .is_last = true}
{
}

void Fragments::read_exactly(std::uint64_t offset, std::span<std::byte> target) const
{
    while (!target.empty()) {
        const auto got = m_source.read_at(offset, target);
        if (got == 0) {
            throw Error{Fault::data, "the file ends inside its pixel data"};
        }
        target = target.subspan(got);
        offset += got;
    }
}

bool Fragments::open_next()
{
    constexpr std::uint16_t item_element = 0xe000;
    constexpr std::uint16_t delimiter_element = 0xe0dd;
    if (m_place.is_last) {
        return false;
    }
    std::array<std::byte, 8> head{};
    read_exactly(m_place.next, head);
    const auto element = read_u16(head, 2, Coding::explicit_little);
    const std::uint64_t length = read_u32(head, 4, Coding::explicit_little);
    m_place.at = m_place.next + head.size();
    m_place.end = m_place.at + length;
    m_place.next = m_place.end;
    m_place.is_at_start = true;
    m_place.is_last = element == delimiter_element;
    if (read_u16(head, 0, Coding::explicit_little) != 0xfffe || m_place.end > m_source.size()
        || (element != item_element && (!m_place.is_last || length != 0))) {
        throw Error{Fault::data, "the fragments of the pixel data have no end"};
    }
    return !m_place.is_last;
}

bool Fragments::more()
{
    while (left() == 0) {
        if (!open_next()) {
            return false;
        }
    }
    return true;
}

bool Fragments::at_start()
{
    return more() && m_place.is_at_start;
}

std::span<const std::byte> Fragments::window()
{
    if (!more()) {
        return {};
    }
    if (m_place.at < m_window_at || m_place.at >= m_window_at + m_window.size()) {
        m_window.resize(std::min<std::uint64_t>(window_bytes, left()));
        m_window_at = m_place.at;
        read_exactly(m_window_at, m_window);
    }
    const auto from = m_place.at - m_window_at;
    const auto count = std::min<std::uint64_t>(m_window.size() - from, left());
    return std::span{m_window}.subspan(from, static_cast<std::size_t>(count));
}

void Fragments::pass(std::uint64_t count)
{
    m_place.at += count;
    m_place.is_at_start = m_place.is_at_start && count == 0;
    m_place.passed += count;
}

std::uint8_t Fragments::take()
{
    const auto bytes = window();
    if (bytes.empty()) {
        throw cut_off();
    }
    pass(1);
    return std::to_integer<std::uint8_t>(bytes.front());
}

std::uint16_t Fragments::take_16()
{
    const auto high = take();
    return static_cast<std::uint16_t>(high << 8U | take());
}

std::uint32_t Fragments::take_32()
{
    const std::uint32_t high = take_16();
    return high << 16U | take_16();
}

void Fragments::skip(std::uint64_t count)
{
    while (count > 0) {
        if (!more()) {
            throw cut_off();
        }
        const auto here = std::min(count, left());
        pass(here);
        count -= here;
    }
}

bool Fragments::skip_to_marker()
{
    const auto bytes = window();
    const auto* const found =
        bytes.empty() ? nullptr : std::memchr(bytes.data(), 0xff, bytes.size());
    skip(found == nullptr
             ? bytes.size()
             : static_cast<std::size_t>(static_cast<const std::byte*>(found) - bytes.data()) + 1);
    return found != nullptr;
}

void Fragments::clear(std::uint64_t count)
{
    while (count > 0) {
        const auto bytes = window();
        if (bytes.empty()) {
            throw cut_off();
        }
        const auto here =
            bytes.first(static_cast<std::size_t>(std::min<std::uint64_t>(count, bytes.size())));
        if (std::ranges::any_of(here, [](std::byte byte) { return byte != std::byte{0}; })) {
            m_sink({m_place.at, here.size()});
        }
        pass(here.size());
        count -= here.size();
    }
}

} // namespace fiona::dicom
