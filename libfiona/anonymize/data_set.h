// SPDX-License-Identifier: MIT
#pragma once

#include "libfiona/dicom/header.h"

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

/// A DICOM data set as a tree over the bytes it was read from. Unlike DCMTK's it keeps every value
/// exactly as it was stored (padding included, which the compat UID schemes hash), touches no
/// value it does not change, and costs little enough to read each header twice.
namespace fiona::anonymize {

using dicom::Tag;

/// A value representation, PS3.5 §6.2: two capital letters.
struct Vr {
    constexpr Vr() = default;
    // NOLINTNEXTLINE(cppcoreguidelines-avoid-c-arrays,modernize-avoid-c-arrays) a literal
    constexpr Vr(const char (&text)[3]) : letters{text[0], text[1]} {}
    constexpr Vr(char first, char second) : letters{first, second} {}

    [[nodiscard]] constexpr std::string_view text() const { return {letters.data(), 2}; }
    /// Both letters as one number: comparing two VRs is the commonest thing done here.
    [[nodiscard]] constexpr std::uint16_t code() const
    {
        return static_cast<std::uint16_t>(static_cast<unsigned char>(letters[0]) << 8U
                                          | static_cast<unsigned char>(letters[1]));
    }
    friend constexpr bool operator==(const Vr& a, const Vr& b) { return a.code() == b.code(); }

    std::array<char, 2> letters{'U', 'N'};
};

/// Strings that Specific Character Set applies to (PS3.5 §6.1.2.3).
[[nodiscard]] bool is_encoded_text(Vr vr);
/// Strings of free form: what a person may have typed.
[[nodiscard]] bool is_free_text(Vr vr);
/// All string representations, those of numbers and times included.
[[nodiscard]] bool is_string(Vr vr);
/// Those whose backslash is no separator.
[[nodiscard]] bool is_single_valued(Vr vr);
/// Explicit VR with a 16-bit length (PS3.5 §7.1.2); every other one, known or not, has 32 bits.
[[nodiscard]] bool has_short_length(Vr vr);

enum class Encoding { implicit_little, explicit_little, explicit_big };

struct Element;

struct Item {
    std::vector<Element> elements;

    [[nodiscard]] Element* find(Tag tag);
    [[nodiscard]] const Element* find(Tag tag) const;
};

struct Element {
    Tag tag;
    Vr vr;
    bool is_sequence = false;
    bool is_encapsulated = false; ///< fragments of pixel data inside a sequence; never written
    bool is_utf8 = false;         ///< `changed` is UTF-8, still to be put into the character set
    std::string_view stored;      ///< the bytes in the file; borrowed from what was read
    std::optional<std::string> changed; ///< the new value, without padding
    std::vector<Item> items;

    [[nodiscard]] std::string_view value() const
    {
        return changed ? std::string_view{*changed} : stored;
    }
    void set(std::string bytes); ///< bytes of the value, ASCII or binary
    void set_text(std::string utf8);
};

/// `(gggg,eeee)` in capitals.
[[nodiscard]] std::string to_string(Tag tag);
/// `gggg,eeee`, `(gggg,eeee)`, `ggggeeee` in any case, or a keyword of the dictionary.
[[nodiscard]] std::optional<Tag> parse_tag(std::string_view text);
[[nodiscard]] bool is_private(Tag tag);
/// (7FE0,0008), (7FE0,0009), (7FE0,0010)
[[nodiscard]] bool is_pixel_data(Tag tag);
/// (7FE0,0001) and (7FE0,0002), offsets and lengths
[[nodiscard]] bool is_offset_table(Tag tag);
/// The same and (7FE0,0003), the length of all
[[nodiscard]] bool tells_of_fragments(Tag tag);

struct Parsed {
    Item root;
    std::size_t end = 0; ///< where reading stopped: at the pixel data of the top level, or the end
};

/// Reads up to the pixel data. `bytes` must outlive the tree. Depth is bounded by 64, every
/// length is checked. Throws Error{Fault::data} with the byte offset.
[[nodiscard]] Parsed read_data_set(std::string_view bytes, Encoding encoding);
/// A value of VR UN that is a sequence in implicit VR little endian (PS3.5 §6.2.2); nothing if it
/// does not parse to its last byte.
[[nodiscard]] std::optional<std::vector<Item>> read_unknown_sequence(std::string_view bytes);

/// The bytes of the tree: sequences with undefined length, values padded (PS3.5 §6.2: blank, or NUL
/// for UI and binary). Every text must have its final encoding.
[[nodiscard]] std::string write_data_set(const Item& root, Encoding encoding);

} // namespace fiona::anonymize
