// SPDX-License-Identifier: MIT
#pragma once

#include "libfiona/base/files.h"
#include "libfiona/base/unique_fd.h"
#include "libfiona/dicom/prescan.h"
#include "tests/support/raw_association.h"

#include <catch2/catch.hpp>

#include <sys/mman.h>
#include <zlib.h>

#include <stdexcept>
#include <string>
#include <vector>

/// Part 10 files in memory, good and hostile.
namespace part10 {

constexpr auto implicit_little = "1.2.840.10008.1.2";
constexpr auto explicit_big = "1.2.840.10008.1.2.2";
constexpr auto deflated = "1.2.840.10008.1.2.1.99";
constexpr auto jpeg = "1.2.840.10008.1.2.4.70";
constexpr std::uint32_t undefined = 0xffffffff;

/// A preamble and a meta header in front of `data`.
inline std::string file(const std::string& data, const std::string& syntax = raw::explicit_little)
{
    const raw::Ids ids;
    const auto meta = raw::element(0x00020002, "UI", ids.sop_class)
                      + raw::element(0x00020003, "UI", ids.sop)
                      + raw::element(0x00020010, "UI", syntax);
    return std::string(128, '\0') + "DICM"
           + raw::element(0x00020000, "UL", raw::little(meta.size(), 4)) + meta + data;
}

inline fiona::dicom::Prescan scan(const std::string& bytes)
{
    const fiona::UniqueFd fd{::memfd_create("part10", MFD_CLOEXEC)};
    fiona::write_all(fd.get(), bytes, "a file in memory");
    // What memory gives must be what the file gives: the same result, or the same complaint.
    const auto told = [](const auto& look) {
        try {
            const auto result = look();
            return fmt::format("{} {} {} {}", result.study, result.file_bytes,
                               result.data_set_offset, result.deepest);
        } catch (const fiona::Error& e) {
            return std::string{e.what()};
        }
    };
    const auto from_memory = [&] { return fiona::dicom::prescan(std::as_bytes(std::span{bytes})); };
    const auto from_file = [&] { return fiona::dicom::prescan(fd.get()); };
    CHECK(told(from_memory) == told(from_file));
    return from_file();
}

/// The header of a sequence or item of explicit VR.
inline std::string sequence(std::uint32_t name, std::uint32_t length, const std::string& vr = "SQ")
{
    return raw::tag(name) + vr + raw::little(0, 2) + raw::little(length, 4);
}

inline std::string item(std::uint32_t length)
{
    return raw::tag(0xfffee000) + raw::little(length, 4);
}

inline const std::string item_end = raw::tag(0xfffee00d) + raw::little(0, 4);
inline const std::string sequence_end = raw::tag(0xfffee0dd) + raw::little(0, 4);

inline std::string nested_undefined(std::size_t depth)
{
    std::string open;
    std::string close;
    for (std::size_t i = 0; i < depth; ++i) {
        open += sequence(0x0040a730, undefined) + item(undefined);
        close += item_end + sequence_end;
    }
    return open + close;
}

/// Explicit VR; lengths grow inside out, so this is for small depths.
inline std::string nested_defined(std::size_t depth)
{
    std::string inside;
    for (std::size_t i = 0; i < depth; ++i) {
        const auto whole = item(static_cast<std::uint32_t>(inside.size())) + inside;
        inside = sequence(0x0040a730, static_cast<std::uint32_t>(whole.size())) + whole;
    }
    return inside;
}

/// Implicit VR: only the dictionary says that this is a sequence.
inline std::string nested_implicit(std::size_t depth)
{
    std::string inside;
    for (std::size_t i = 0; i < depth; ++i) {
        inside =
            raw::implicit(0x0040a730, item(static_cast<std::uint32_t>(inside.size())) + inside);
    }
    return inside;
}

inline std::string deflate(const std::string& data)
{
    z_stream stream{};
    if (::deflateInit2(&stream, Z_BEST_COMPRESSION, Z_DEFLATED, -MAX_WBITS, 9, Z_DEFAULT_STRATEGY)
        != Z_OK) {
        throw std::runtime_error{"cannot deflate"};
    }
    std::string result(::deflateBound(&stream, data.size()), '\0');
    auto input = data;
    stream.next_in = reinterpret_cast<Bytef*>(input.data());
    stream.avail_in = static_cast<uInt>(input.size());
    stream.next_out = reinterpret_cast<Bytef*>(result.data());
    stream.avail_out = static_cast<uInt>(result.size());
    ::deflate(&stream, Z_FINISH);
    result.resize(stream.total_out);
    ::deflateEnd(&stream);
    return result;
}

/// Explicit VR big endian with the four UIDs.
inline std::string big_endian_data()
{
    const raw::Ids ids;
    const auto uid = [](std::uint32_t name, const std::string& value) {
        const auto padded = raw::even(value, '\0');
        return raw::big(name >> 16U, 2) + raw::big(name & 0xffffU, 2) + "UI"
               + raw::big(padded.size(), 2) + padded;
    };
    return uid(0x00080016, ids.sop_class) + uid(0x00080018, ids.sop) + uid(0x0020000d, ids.study)
           + uid(0x0020000e, ids.series);
}

inline std::string encapsulated()
{
    return sequence(0x7fe00010, undefined, "OB") + item(0) + item(6) + "abcdef" + sequence_end;
}

/// One good file of each kind: what the fuzzer starts from.
inline std::vector<std::string> seeds()
{
    const raw::Ids ids;
    const auto plain = raw::data_set(ids, 64);
    const auto implicit_uids = raw::implicit(0x00080016, raw::even(ids.sop_class, '\0'))
                               + raw::implicit(0x00080018, raw::even(ids.sop, '\0'))
                               + raw::implicit(0x0020000d, raw::even(ids.study, '\0'))
                               + raw::implicit(0x0020000e, raw::even(ids.series, '\0'));
    return {file(plain),
            file(plain + nested_undefined(3)),
            file(plain + nested_defined(3)),
            file(implicit_uids + nested_implicit(3), implicit_little),
            file(big_endian_data(), explicit_big),
            file(deflate(plain), deflated),
            file(plain.substr(0, plain.find(raw::tag(0x7fe00010))) + encapsulated(), jpeg),
            file(plain + sequence(0x00091010, undefined, "UN") + item(undefined)
                 + raw::implicit(0x00080104, "CODE") + item_end + sequence_end)};
}

} // namespace part10
