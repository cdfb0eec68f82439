// SPDX-License-Identifier: MIT
#pragma once

#include "tests/support/raw_association.h"

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

/// DICOM data sets and files as bytes, good ones and such as no writer should make.
namespace hostile {

constexpr auto implicit_little = "1.2.840.10008.1.2";
constexpr auto explicit_big = "1.2.840.10008.1.2.2";
constexpr auto deflated = "1.2.840.10008.1.2.1.99";
constexpr auto rle = "1.2.840.10008.1.2.5";
constexpr auto jpeg_baseline = "1.2.840.10008.1.2.4.50";
constexpr auto jpeg_lossless = "1.2.840.10008.1.2.4.70";
constexpr auto jpeg_ls = "1.2.840.10008.1.2.4.80";
constexpr auto jpeg_2000 = "1.2.840.10008.1.2.4.90";
constexpr std::uint32_t undefined = 0xffffffff;

enum class Coding { explicit_vr, implicit_vr, big_endian };

/// A small, legal, made-up secondary capture image; elements are changed one by one.
class DataSet {
public:
    explicit DataSet(const raw::Ids& ids = {});

    /// Replaces or adds an element. `value` is padded to even length.
    DataSet& put(std::uint32_t tag, const std::string& vr, const std::string& value);
    /// A number of `bytes` bytes in the byte order of the coding.
    DataSet& put_number(std::uint32_t tag, const std::string& vr, std::uint64_t value,
                        unsigned bytes = 2);
    /// `encoded` stands where the element would: whatever it is, in explicit VR little endian.
    DataSet& put_bytes(std::uint32_t tag, const std::string& encoded);
    DataSet& drop(std::uint32_t tag);

    [[nodiscard]] std::string bytes(Coding coding = Coding::explicit_vr) const;

private:
    struct Element {
        std::string vr;
        std::string value;
        std::optional<std::uint64_t> number;
        std::optional<std::string> encoded;
    };

    static std::string encode(std::uint32_t tag, const Element& element, Coding coding);

    std::map<std::uint32_t, Element> m_elements;
};

/// The header of an explicit VR element with a four-byte length, true or not.
[[nodiscard]] std::string long_header(std::uint32_t tag, const std::string& vr,
                                      std::uint32_t length);
/// Likewise with a two-byte length.
[[nodiscard]] std::string short_header(std::uint32_t tag, const std::string& vr,
                                       std::uint16_t length);
[[nodiscard]] std::string item(std::uint32_t length);
inline const std::string item_end = raw::tag(0xfffee00d) + raw::little(0, 4);
inline const std::string sequence_end = raw::tag(0xfffee0dd) + raw::little(0, 4);

enum class Lengths { known, open };
/// `depth` sequences (0040,A730), each the only element of the only item of the one around it.
[[nodiscard]] std::string nested(std::uint32_t depth, Lengths lengths,
                                 Coding coding = Coding::explicit_vr);

/// A raw deflate stream (PS3.5 §A.5).
[[nodiscard]] std::string deflate(const std::string& bytes);
/// A deflate stream of so many zero bytes behind `head`; never held in memory inflated.
[[nodiscard]] std::string deflate_bomb(const std::string& head, std::uint64_t zeros);

/// Encapsulated pixel data: an offset table and fragments (PS3.5 §A.4).
[[nodiscard]] std::string fragments(const std::string& offset_table,
                                    const std::vector<std::string>& frames);

/// Group 0002 with its group length; `elements` are encoded already.
struct Meta {
    raw::Ids ids{};
    std::string transfer_syntax = raw::explicit_little; ///< empty: none
    std::string more{};                                 ///< behind it, encoded
    std::optional<std::uint32_t> group_length{};        ///< a lie

    [[nodiscard]] std::string bytes() const;
};

/// A Part 10 file (PS3.10 §7.1). `preamble` is cut or filled up with zeros to 128 bytes.
[[nodiscard]] std::string file(const std::string& meta, const std::string& data,
                               const std::string& preamble = {});

} // namespace hostile
