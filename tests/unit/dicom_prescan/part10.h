// SPDX-License-Identifier: MIT
#pragma once

#include "libfiona/base/files.h"
#include "libfiona/base/unique_fd.h"
#include "libfiona/dicom/prescan.h"
#include "tests/support/hostile_file.h"
#include "tests/support/raw_association.h"

#include <catch2/catch.hpp>

#include <sys/mman.h>

#include <string>
#include <vector>

/// Part 10 files in memory, good and hostile.
namespace part10 {

using hostile::deflated;
using hostile::explicit_big;
using hostile::implicit_little;
using hostile::undefined;
constexpr auto jpeg = hostile::jpeg_lossless;

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

using hostile::deflate;
using hostile::item;
using hostile::item_end;
using hostile::sequence_end;

/// The header of a sequence of explicit VR.
inline std::string sequence(std::uint32_t name, std::uint32_t length, const std::string& vr = "SQ")
{
    return hostile::long_header(name, vr, length);
}

inline std::string nested_undefined(std::uint32_t depth)
{
    return hostile::nested(depth, hostile::Lengths::open);
}

inline std::string nested_defined(std::uint32_t depth)
{
    return hostile::nested(depth, hostile::Lengths::known);
}

/// Implicit VR: only the dictionary says that this is a sequence.
inline std::string nested_implicit(std::uint32_t depth)
{
    return hostile::nested(depth, hostile::Lengths::known, hostile::Coding::implicit_vr);
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
