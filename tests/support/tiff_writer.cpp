// SPDX-License-Identifier: MIT
#include "tests/support/tiff_writer.h"

#include "libfiona/base/error.h"
#include "libfiona/wsi/tiff.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

namespace slide_maker {

namespace {

constexpr std::uint16_t type_ascii = 2;
constexpr std::uint16_t type_short = 3;
constexpr std::uint16_t type_long = 4;
constexpr std::uint16_t type_rational = 5;
constexpr std::uint16_t type_undefined = 7;
constexpr std::uint16_t type_long8 = 16;

} // namespace

Field shorts(std::uint16_t tag, std::vector<std::uint64_t> values)
{
    return {tag, type_short, std::move(values)};
}

Field longs(std::uint16_t tag, std::vector<std::uint64_t> values)
{
    return {tag, type_long, std::move(values)};
}

Field offsets(std::uint16_t tag, std::vector<std::uint64_t> values)
{
    return {tag, type_long8, std::move(values)};
}

Field ascii(std::uint16_t tag, const std::string& text)
{
    return {tag, type_ascii, {}, text + '\0'};
}

Field undefined(std::uint16_t tag, std::string bytes)
{
    return {tag, type_undefined, {}, std::move(bytes)};
}

Field rational(std::uint16_t tag, std::uint64_t numerator, std::uint64_t denominator)
{
    return {tag, type_rational, {numerator, denominator}};
}

TiffWriter::TiffWriter(const std::filesystem::path& path, Layout layout, ByteOrder order)
    : m_fd{::open(path.c_str(), O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0640)},
      m_is_big{layout == Layout::big}, m_order{order}
{
    if (!m_fd) {
        throw fiona::os_error(errno, "create a slide");
    }
    std::string head = order == ByteOrder::little ? "II" : "MM";
    head += encoded(m_is_big ? 43 : 42, 2);
    if (m_is_big) {
        head += encoded(8, 2) + encoded(0, 2);
    }
    m_pointer = head.size();
    add(head + encoded(0, m_is_big ? 8 : 4));
}

std::string TiffWriter::encoded(std::uint64_t value, std::size_t bytes) const
{
    std::string text(bytes, '\0');
    for (std::size_t i = 0; i < bytes; ++i) {
        const auto place = m_order == ByteOrder::little ? i : bytes - 1 - i;
        text[place] = static_cast<char>(value >> (8 * i));
    }
    return text;
}

void TiffWriter::write(std::uint64_t place, std::string_view bytes) const
{
    while (!bytes.empty()) {
        const auto written =
            ::pwrite(m_fd.get(), bytes.data(), bytes.size(), static_cast<off_t>(place));
        if (written < 0) {
            throw fiona::os_error(errno, "write a slide");
        }
        bytes.remove_prefix(static_cast<std::size_t>(written));
        place += static_cast<std::uint64_t>(written);
    }
}

std::uint64_t TiffWriter::add(std::string_view bytes)
{
    m_end += m_end % 2;
    const auto place = m_end;
    write(place, bytes);
    m_end += bytes.size();
    return place;
}

std::string TiffWriter::value_of(const Field& field) const
{
    std::string value = field.bytes;
    const auto size = field.type == type_rational ? 4
                      : field.type == type_long8  ? std::size_t{m_is_big ? 8U : 4U}
                                                  : fiona::wsi::element_bytes(field.type);
    for (const auto number : field.numbers) {
        value += encoded(number, size);
    }
    return value;
}

std::uint64_t TiffWriter::write_directory(std::vector<Field> fields)
{
    std::ranges::stable_sort(fields, {}, &Field::tag);
    const std::size_t inside = m_is_big ? 8 : 4;
    std::string entries = encoded(fields.size(), m_is_big ? 8 : 2);
    for (const auto& field : fields) {
        auto value = value_of(field);
        const auto type = field.type == type_long8 && !m_is_big ? type_long : field.type;
        const auto count = value.size() / fiona::wsi::element_bytes(type);
        if (value.size() > inside) {
            value = encoded(add(value), inside);
        }
        value.resize(inside);
        entries += encoded(field.tag, 2) + encoded(type, 2) + encoded(count, inside) + value;
    }
    return add(entries + encoded(0, inside));
}

std::uint64_t TiffWriter::add_lone_directory(std::vector<Field> fields)
{
    return write_directory(std::move(fields));
}

std::uint64_t TiffWriter::add_directory(std::vector<Field> fields)
{
    const auto place = write_directory(std::move(fields));
    const std::size_t size = m_is_big ? 8 : 4;
    write(m_pointer, encoded(place, size));
    m_pointer = m_end - size;
    return place;
}

void TiffWriter::finish()
{
    if (::ftruncate(m_fd.get(), static_cast<off_t>(m_end)) != 0) {
        throw fiona::os_error(errno, "write a slide");
    }
}

} // namespace slide_maker
