// SPDX-License-Identifier: MIT
#include "libfiona/dicom/prescan.h"

#include "libfiona/base/error.h"
#include "libfiona/base/unique_fd.h"
#include "libfiona/dicom/prescan_walk.h"

#include <fcntl.h>

#include <algorithm>
#include <cerrno>
#include <string_view>

namespace fiona::dicom {

namespace {

constexpr std::size_t preamble_bytes = 128;
constexpr std::string_view standard_syntaxes = "1.2.840.10008.1.2.";

std::uint64_t little(std::span<const std::byte> bytes)
{
    std::uint64_t value = 0;
    for (std::size_t i = bytes.size(); i > 0; --i) {
        value = value << 8U | std::to_integer<std::uint64_t>(bytes[i - 1]);
    }
    return value;
}

/// Group 0002: always explicit VR little endian (PS3.10 §7.1), flat, and ours to bound.
class MetaReader {
public:
    MetaReader(FileSource& source, const PrescanLimits& limits, Prescan& result, Walked* walked)
        : m_source{source}, m_limits{limits}, m_result{result}, m_walked{walked}
    {
    }

    void run()
    {
        read_preamble();
        const auto start = m_source.position();
        std::optional<std::uint64_t> promised_end;
        while (is_meta(m_source.peek(2))) {
            const auto element = little(need(8).subspan(2, 2));
            const auto value = read_header();
            if (element == 0x0000 && value.length == 4 && m_source.position() == start + 8) {
                promised_end = m_source.position() + 4 + little(need(4));
            }
            note(element, value);
            skip(value.length);
            if (m_source.position() - start > m_limits.max_meta_bytes) {
                fail("the meta header is too long");
            }
        }
        // Where the two disagree, two readers would see two different data sets.
        if (promised_end && *promised_end != m_source.position()) {
            fail("the meta header has another length than it says");
        }
        if (m_result.transfer_syntax.empty()) {
            fail("no transfer syntax in the meta header");
        }
        m_result.data_set_offset = m_source.position();
    }

private:
    struct Value {
        std::array<char, 2> vr{};
        std::uint64_t length = 0;
    };

    [[noreturn]] void fail(std::string_view what) const
    {
        throw Error{Fault::data, "{} at byte {}", what, m_source.position()};
    }

    std::span<const std::byte> need(std::size_t count)
    {
        const auto bytes = m_source.peek(count);
        if (bytes.size() < count) {
            fail("the meta header is cut off");
        }
        return bytes;
    }

    void skip(std::uint64_t count)
    {
        if (!m_source.skip(count)) {
            fail("the meta header is cut off");
        }
    }

    static bool is_meta(std::span<const std::byte> group)
    {
        return group.size() == 2 && little(group) == 0x0002;
    }

    void read_preamble()
    {
        const auto bytes = m_source.peek(preamble_bytes + 4);
        constexpr std::string_view magic = "DICM";
        if (bytes.size() < preamble_bytes + magic.size()
            || !std::ranges::equal(
                bytes.subspan(preamble_bytes, magic.size()), magic,
                [](std::byte byte, char c) { return static_cast<char>(byte) == c; })) {
            throw Error{Fault::data, "no DICOM file: no preamble"};
        }
        skip(preamble_bytes + magic.size());
        if (!is_meta(m_source.peek(2))) {
            fail("no meta header");
        }
    }

    /// Leaves the source at the value.
    Value read_header()
    {
        const auto bytes = need(8);
        const auto vr = uid_text(bytes.subspan(4, 2));
        constexpr std::string_view short_ones = "AE SH UI UL US LO LT ST CS DA TM DT IS PN";
        constexpr std::string_view long_ones = "OB UN UR UT";
        Value value{{static_cast<char>(bytes[4]), static_cast<char>(bytes[5])}, 0};
        if (vr.size() == 2 && short_ones.find(vr) != std::string_view::npos) {
            value.length = little(bytes.subspan(6, 2));
            skip(8);
        } else if (vr.size() == 2 && long_ones.find(vr) != std::string_view::npos) {
            value.length = little(need(12).subspan(8, 4));
            skip(12);
        } else {
            fail("illegal value representation in the meta header");
        }
        return value;
    }

    void note(std::uint64_t element, const Value& value)
    {
        constexpr std::uint64_t max_uid_bytes = 128;
        std::string* target = element == 0x0002   ? &m_result.meta_sop_class
                              : element == 0x0003 ? &m_result.meta_sop_instance
                              : element == 0x0010 ? &m_result.transfer_syntax
                                                  : nullptr;
        if (target != nullptr && target->empty()) {
            *target = uid_text(
                m_source.peek(static_cast<std::size_t>(std::min(value.length, max_uid_bytes))));
        }
        if (m_walked != nullptr && value.length <= ByteSource::max_peek) {
            const auto bytes = m_source.peek(static_cast<std::size_t>(value.length));
            m_walked->elements.push_back({.tag = {0x0002, static_cast<std::uint16_t>(element)},
                                          .vr = value.vr,
                                          .offset = m_source.position(),
                                          .length = value.length,
                                          .copied_at = m_walked->values.size()});
            m_walked->values.insert(m_walked->values.end(), bytes.begin(), bytes.end());
        }
    }

    FileSource& m_source;
    const PrescanLimits& m_limits;
    Prescan& m_result;
    Walked* m_walked;
};

bool is_deflated(std::string_view syntax)
{
    return syntax == "1.2.840.10008.1.2.1.99" || syntax == "1.2.840.10008.1.2.4.95"
           || syntax == "1.2.840.10008.1.2.4.205";
}

/// PS3.5 §10: every syntax of the standard but three is explicit VR little endian.
Coding coding_of(std::string_view syntax)
{
    if (syntax == "1.2.840.10008.1.2" || syntax == "1.2.840.113619.5.2") {
        return Coding::implicit_little; // the second: GE's, with big-endian pixels
    }
    if (syntax == "1.2.840.10008.1.2.2") {
        return Coding::explicit_big;
    }
    if (syntax.starts_with(standard_syntaxes)) {
        return Coding::explicit_little;
    }
    throw Error{Fault::data, "unknown transfer syntax"};
}

enum class Index { no, yes };

IndexedFile look_at(const StoredBytes& bytes, const PrescanLimits& limits, Index index)
{
    IndexedFile result;
    auto& scan = result.scan;
    FileSource file{bytes};
    scan.file_bytes = file.size();
    MetaReader{file, limits, scan, index == Index::yes ? &result.meta : nullptr}.run();
    auto* const walked = index == Index::yes ? &result.data_set : nullptr;
    const auto coding = coding_of(scan.transfer_syntax);
    result.is_deflated = is_deflated(scan.transfer_syntax);
    if (result.is_deflated) {
        InflateSource inflated{bytes, scan.data_set_offset, limits};
        walk_data_set(inflated, coding, limits, scan, walked);
        inflated.check_tail();
        scan.pixel_data_offset.reset(); // a place in the inflated stream means nothing in the file
    } else {
        walk_data_set(file, coding, limits, scan, walked);
    }
    return result;
}

} // namespace

Prescan prescan(int fd, const PrescanLimits& limits)
{
    return look_at(fd, limits, Index::no).scan;
}

Prescan prescan(std::span<const std::byte> file, const PrescanLimits& limits)
{
    return look_at(file, limits, Index::no).scan;
}

IndexedFile index_file(int fd, const PrescanLimits& limits)
{
    return look_at(fd, limits, Index::yes);
}

Prescan prescan_file(const std::filesystem::path& file, const PrescanLimits& limits)
{
    const UniqueFd fd{::open(file.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK)};
    if (!fd) {
        throw os_error(errno, "open the file");
    }
    return prescan(fd.get(), limits);
}

} // namespace fiona::dicom
