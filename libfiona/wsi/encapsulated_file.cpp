// SPDX-License-Identifier: MIT
#include "libfiona/wsi/encapsulated_file.h"

#include "libfiona/base/error.h"

#include <array>

namespace fiona::wsi {

namespace {

constexpr std::uint64_t item_bytes = 8; // tag and length
constexpr std::uint64_t most_basic = 0xfffffffe;
constexpr std::uint64_t most_table_frames = 0xfffffff0 / 8; // the length of an element has 32 bits

void put_number(std::string& to, std::uint64_t value, unsigned bytes)
{
    for (unsigned i = 0; i < bytes; ++i) {
        to.push_back(static_cast<char>((value >> (8U * i)) & 255U));
    }
}

void put_tag(std::string& to, std::uint16_t group, std::uint16_t element)
{
    put_number(to, group, 2);
    put_number(to, element, 2);
}

void put_item(std::string& to, std::uint16_t element, std::uint64_t length)
{
    put_tag(to, 0xfffe, element);
    put_number(to, length, 4);
}

void put_element(std::string& to, std::uint16_t element, std::string_view vr, std::uint64_t length)
{
    put_tag(to, 0x7fe0, element);
    to.append(vr).append(2, '\0');
    put_number(to, length, 4);
}

std::uint32_t padded(std::uint32_t length)
{
    return length + length % 2;
}

/// All between the header and the first frame. With no lengths yet, room for them.
std::string pixel_data_head(const std::vector<std::uint32_t>& lengths, std::uint64_t frames,
                            OffsetTable table)
{
    const bool is_extended = table == OffsetTable::extended;
    const unsigned width = is_extended ? 8 : 4;
    std::string offsets;
    offsets.reserve(frames * width);
    std::uint64_t offset = 0;
    for (std::uint64_t i = 0; i < frames; ++i) {
        put_number(offsets, offset, width);
        offset += i < lengths.size() ? item_bytes + padded(lengths[i]) : 0;
    }
    std::string head;
    if (is_extended) {
        put_element(head, 0x0001, "OV", offsets.size());
        head.append(offsets);
        put_element(head, 0x0002, "OV", offsets.size());
        for (std::uint64_t i = 0; i < frames; ++i) {
            put_number(head, i < lengths.size() ? padded(lengths[i]) : 0, width);
        }
        offsets.clear();
    }
    put_element(head, 0x0010, "OB", 0xffffffff);
    put_item(head, 0xe000, offsets.size());
    head.append(offsets);
    return head;
}

} // namespace

OffsetTable offset_table_for(std::uint64_t frames, std::uint64_t most_bytes)
{
    const auto last_offset = most_bytes + frames * (item_bytes + 1); // with padding
    return last_offset <= most_basic ? OffsetTable::basic : OffsetTable::extended;
}

EncapsulatedFile::EncapsulatedFile(const std::filesystem::path& target, std::string_view header,
                                   std::uint64_t frames, OffsetTable table)
    : m_file{target}, m_frames{frames}, m_table{table}, m_header_bytes{header.size()}
{
    if (frames == 0 || frames > most_table_frames) {
        throw Error{Fault::data, "{} tiles are no picture for DICOM", frames};
    }
    m_lengths.reserve(frames);
    put(header);
    put(pixel_data_head({}, frames, table));
}

void EncapsulatedFile::add(ByteSpan frame)
{
    if (m_lengths.size() == m_frames || frame.empty() || frame.size() > most_basic) {
        throw Error{Fault::internal, "a frame too many, or of a wrong size"};
    }
    const auto length = static_cast<std::uint32_t>(frame.size());
    std::string item;
    put_item(item, 0xe000, padded(length));
    put(item);
    // NOLINTNEXTLINE(cppcoreguidelines-pro-type-reinterpret-cast) bytes are bytes
    put({reinterpret_cast<const char*>(frame.data()), frame.size()});
    if (length % 2 != 0) {
        put(std::string_view{"\0", 1});
    }
    m_lengths.push_back(length);
    m_frame_bytes += length;
}

void EncapsulatedFile::finish(std::string_view header)
{
    if (m_lengths.size() != m_frames || header.size() != m_header_bytes) {
        throw Error{Fault::internal, "a picture without all of its frames, or another header"};
    }
    std::string end;
    put_item(end, 0xe0dd, 0);
    put(end);
    flush();
    m_file.write_over(0, header);
    m_file.write_over(m_header_bytes, pixel_data_head(m_lengths, m_frames, m_table));
    m_lengths = {};
    m_file.start_writing_back();
}

void EncapsulatedFile::commit()
{
    m_file.commit();
}

void EncapsulatedFile::put(std::string_view bytes)
{
    constexpr std::size_t block = std::size_t{1} << 20U;
    m_buffer.append(bytes);
    m_bytes += bytes.size();
    if (m_buffer.size() >= block) {
        flush();
    }
}

void EncapsulatedFile::flush()
{
    constexpr std::uint64_t worth_starting = std::uint64_t{32} << 20U;
    m_file.write(m_buffer);
    m_buffer.clear();
    if (m_bytes - m_written_back >= worth_starting) {
        m_file.start_writing_back();
        m_written_back = m_bytes;
    }
}

} // namespace fiona::wsi
