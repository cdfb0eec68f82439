// SPDX-License-Identifier: MIT
#include "tests/support/hostile_file.h"

#include <zlib.h>

#include <algorithm>
#include <stdexcept>

namespace hostile {

namespace {

using raw::little;

constexpr std::uint32_t content_sequence = 0x0040a730;
constexpr std::string_view long_ones = "OB OD OF OL OW SQ UN UT UC UR";

bool has_long_header(const std::string& vr)
{
    return long_ones.find(vr) != std::string_view::npos;
}

class Deflater {
public:
    Deflater()
    {
        if (::deflateInit2(&m_stream, Z_BEST_COMPRESSION, Z_DEFLATED, -MAX_WBITS, 9,
                           Z_DEFAULT_STRATEGY)
            != Z_OK) {
            throw std::runtime_error{"cannot deflate"};
        }
    }
    Deflater(const Deflater&) = delete;
    Deflater& operator=(const Deflater&) = delete;
    ~Deflater() { ::deflateEnd(&m_stream); }

    void feed(std::string bytes, int flush)
    {
        constexpr std::size_t block_bytes = 65536;
        // NOLINTNEXTLINE(cppcoreguidelines-pro-type-reinterpret-cast) zlib's byte type
        m_stream.next_in = reinterpret_cast<Bytef*>(bytes.data());
        m_stream.avail_in = static_cast<uInt>(bytes.size());
        do {
            std::string block(block_bytes, '\0');
            // NOLINTNEXTLINE(cppcoreguidelines-pro-type-reinterpret-cast) zlib's byte type
            m_stream.next_out = reinterpret_cast<Bytef*>(block.data());
            m_stream.avail_out = static_cast<uInt>(block.size());
            ::deflate(&m_stream, flush);
            m_result.append(block, 0, block.size() - m_stream.avail_out);
        } while (m_stream.avail_out == 0);
    }

    [[nodiscard]] const std::string& result() const { return m_result; }

private:
    z_stream m_stream{};
    std::string m_result;
};

std::string sequence_header(std::uint32_t length, Coding coding)
{
    return coding == Coding::implicit_vr ? raw::tag(content_sequence) + little(length, 4)
                                         : long_header(content_sequence, "SQ", length);
}

} // namespace

DataSet::DataSet(const raw::Ids& ids)
{
    put(0x00080005, "CS", "ISO_IR 100");
    put(0x00080016, "UI", ids.sop_class).put(0x00080018, "UI", ids.sop);
    put(0x00080020, "DA", "20260102").put(0x00080030, "TM", "101112");
    put(0x00080060, "CS", "OT").put(0x00080070, "LO", "Phantom Works");
    put(0x00081030, "LO", "phantom").put(0x0008103e, "LO", "synthetic");
    put(0x00100010, "PN", "Phantom^Test").put(0x00100020, "LO", "PHANTOM 1");
    put(0x0020000d, "UI", ids.study).put(0x0020000e, "UI", ids.series);
    put(0x00200010, "SH", "1").put(0x00200011, "IS", "1").put(0x00200013, "IS", "1");
    put_number(0x00280002, "US", 1).put(0x00280004, "CS", "MONOCHROME2");
    put_number(0x00280010, "US", 4).put_number(0x00280011, "US", 4);
    put_number(0x00280100, "US", 8).put_number(0x00280101, "US", 8);
    put_number(0x00280102, "US", 7).put_number(0x00280103, "US", 0);
    put(0x7fe00010, "OB", std::string(16, 'x'));
}

DataSet& DataSet::put(std::uint32_t tag, const std::string& vr, const std::string& value)
{
    const bool is_binary = vr == "UI" || vr == "OB" || vr == "OW" || vr == "UN";
    m_elements[tag] = {vr, raw::even(value, is_binary ? '\0' : ' '), std::nullopt, std::nullopt};
    return *this;
}

DataSet& DataSet::put_number(std::uint32_t tag, const std::string& vr, std::uint64_t value,
                             unsigned bytes)
{
    m_elements[tag] = {vr, little(value, bytes), value, std::nullopt};
    return *this;
}

DataSet& DataSet::put_bytes(std::uint32_t tag, const std::string& encoded)
{
    m_elements[tag] = {{}, {}, std::nullopt, encoded};
    return *this;
}

DataSet& DataSet::drop(std::uint32_t tag)
{
    m_elements.erase(tag);
    return *this;
}

std::string DataSet::encode(std::uint32_t tag, const Element& element, Coding coding)
{
    if (element.encoded) {
        return *element.encoded;
    }
    const auto number = [&](std::uint64_t value, std::size_t bytes) {
        return coding == Coding::big_endian ? raw::big(value, static_cast<unsigned>(bytes))
                                            : little(value, static_cast<unsigned>(bytes));
    };
    const auto& value = element.value;
    auto result = number(tag >> 16U, 2) + number(tag & 0xffffU, 2);
    if (coding == Coding::implicit_vr) {
        result += number(value.size(), 4);
    } else if (has_long_header(element.vr)) {
        result += element.vr + number(0, 2) + number(value.size(), 4);
    } else {
        result += element.vr + number(value.size(), 2);
    }
    return result + (element.number ? number(*element.number, value.size()) : value);
}

std::string DataSet::bytes(Coding coding) const
{
    std::string result;
    for (const auto& [tag, element] : m_elements) {
        result += encode(tag, element, coding);
    }
    return result;
}

std::string long_header(std::uint32_t tag, const std::string& vr, std::uint32_t length)
{
    return raw::tag(tag) + vr + little(0, 2) + little(length, 4);
}

std::string short_header(std::uint32_t tag, const std::string& vr, std::uint16_t length)
{
    return raw::tag(tag) + vr + little(length, 2);
}

std::string item(std::uint32_t length)
{
    return raw::tag(0xfffee000) + little(length, 4);
}

std::string nested(std::uint32_t depth, Lengths lengths, Coding coding)
{
    const std::uint32_t item_header = 8;
    const std::uint32_t level = item_header + (coding == Coding::implicit_vr ? 8 : 12);
    std::string result;
    for (std::uint32_t i = 0; i < depth; ++i) {
        const bool is_open = lengths == Lengths::open;
        const auto inside = level * (depth - 1 - i);
        result += sequence_header(is_open ? undefined : inside + item_header, coding)
                  + item(is_open ? undefined : inside);
    }
    for (std::uint32_t i = 0; i < depth && lengths == Lengths::open; ++i) {
        result += item_end + sequence_end;
    }
    return result;
}

std::string deflate(const std::string& bytes)
{
    Deflater deflater;
    deflater.feed(bytes, Z_FINISH);
    return deflater.result();
}

std::string deflate_bomb(const std::string& head, std::uint64_t zeros)
{
    constexpr std::uint64_t block_bytes = std::uint64_t{1} << 20U;
    Deflater deflater;
    deflater.feed(head, Z_NO_FLUSH);
    for (std::uint64_t done = 0; done < zeros; done += block_bytes) {
        const auto count = std::min(block_bytes, zeros - done);
        deflater.feed(std::string(static_cast<std::size_t>(count), '\0'), Z_NO_FLUSH);
    }
    deflater.feed({}, Z_FINISH);
    return deflater.result();
}

std::string fragments(const std::string& offset_table, const std::vector<std::string>& frames)
{
    auto result = long_header(0x7fe00010, "OB", undefined)
                  + item(static_cast<std::uint32_t>(offset_table.size())) + offset_table;
    for (const auto& frame : frames) {
        const auto bytes = raw::even(frame, '\0');
        result += item(static_cast<std::uint32_t>(bytes.size())) + bytes;
    }
    return result + sequence_end;
}

std::string Meta::bytes() const
{
    auto group = raw::element(0x00020001, "OB", std::string{"\0\1", 2})
                 + raw::element(0x00020002, "UI", ids.sop_class)
                 + raw::element(0x00020003, "UI", ids.sop);
    if (!transfer_syntax.empty()) {
        group += raw::element(0x00020010, "UI", transfer_syntax);
    }
    group += more;
    const auto length = group_length.value_or(static_cast<std::uint32_t>(group.size()));
    return raw::element(0x00020000, "UL", little(length, 4)) + group;
}

std::string file(const std::string& meta, const std::string& data, const std::string& preamble)
{
    constexpr std::size_t preamble_bytes = 128;
    auto head = preamble;
    head.resize(preamble_bytes, '\0');
    return head + "DICM" + meta + data;
}

} // namespace hostile
