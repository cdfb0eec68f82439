// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace fiona::dicom {

struct Tag {
    std::uint16_t group = 0;
    std::uint16_t element = 0;
    friend auto operator<=>(const Tag&, const Tag&) = default;
};

/// One step of a path into a data set.
struct Step {
    Tag tag;
    /// Not empty: `tag.element` is the number 0x00-0xFF in the block that this private creator has
    /// reserved in the same item (PS3.5 §7.8.1). Borrowed.
    std::string_view creator{};
    std::size_t item = 0; ///< which item, from 0, if the element is a sequence and a step follows
};
using Path = std::vector<Step>;

/// The header of one file, pixel data never read, every text decoded to UTF-8. Values are copies.
class Header {
public:
    /// Throws Error{Fault::data} if it is no DICOM file or the pre-scan refuses it.
    [[nodiscard]] static Header read(const std::filesystem::path& file);
    Header(Header&& other) noexcept;
    Header& operator=(Header&& other) noexcept;
    Header(const Header&) = delete;
    Header& operator=(const Header&) = delete;
    ~Header();

    [[nodiscard]] bool has(Tag tag) const;
    /// All values of a top-level element, padding removed; nothing if absent, no value if empty. DS
    /// and IS keep their digits; binary numbers are written out, FL and FD as Python does (`1.0`);
    /// AT is `(gggg,eeee)`; OB/OW/UN of printable text are text, else they and sequences have no
    /// value.
    [[nodiscard]] std::optional<std::vector<std::string>> values(Tag tag) const;
    /// The values joined with `\`; "" if absent.
    [[nodiscard]] std::string text(Tag tag) const;
    /// The value representation in the file or the dictionary, e.g. "PN".
    [[nodiscard]] std::string vr(Tag tag) const;
    /// By keyword of the dictionary ("ImageType"); nothing if it is no keyword.
    [[nodiscard]] static std::optional<Tag> tag_of(std::string_view keyword);
    /// The values of an element below sequences, by the rules of values().
    [[nodiscard]] std::optional<std::vector<std::string>> values_at(const Path& path) const;
    /// values_at() for the item `sequence` (top level) has of each frame, in order; frames without
    /// the element give nothing. Cheaper than asking for one frame after the other.
    [[nodiscard]] std::vector<std::vector<std::string>> values_in_items(Tag sequence,
                                                                        const Path& path) const;
    /// The bytes of an OB, OW, UN or character element as they are in the file, NULs at the end
    /// included. Large ones are read when they are asked for. Nothing if the element is absent,
    /// empty, of another kind, or larger than 16 MiB. Borrowed from this header. Throws
    /// Error{Fault::io} if the file cannot be read any more.
    [[nodiscard]] std::optional<std::span<const std::byte>> bytes_at(const Path& path) const;
    /// Value of group 0002.
    [[nodiscard]] std::string meta_text(Tag tag) const;
    /// How many of the values asked for so far held bytes that their character set does not
    /// explain; they were taken as UTF-8 if they are, else as Latin-1.
    [[nodiscard]] std::size_t guessed_texts() const;

private:
    struct Data;
    explicit Header(std::unique_ptr<Data> data);
    std::unique_ptr<Data> m_data;
};

} // namespace fiona::dicom
