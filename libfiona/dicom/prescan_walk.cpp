// SPDX-License-Identifier: MIT
#include "libfiona/dicom/prescan_walk.h"

#include "libfiona/base/error.h"

#include <algorithm>
#include <array>
#include <string_view>

namespace fiona::dicom {

namespace {

constexpr std::uint32_t undefined_length = 0xffffffff;
constexpr auto open_end = ByteSource::unknown_size;
constexpr std::size_t max_uid_bytes =
    128; // twice the legal length: enough to see that it is illegal
constexpr std::size_t max_creator_bytes = 128;

constexpr std::uint16_t delimiter_group = 0xfffe;
constexpr std::uint16_t item_start = 0xe000;
constexpr std::uint16_t item_end = 0xe00d;
constexpr std::uint16_t sequence_end = 0xe0dd;
constexpr std::uint16_t pixel_group = 0x7fe0;

class Walk {
public:
    enum class Kind { data_set, item, sequence, fragments };

    Walk(ByteSource& source, const PrescanLimits& limits, Prescan& result)
        : m_source{source}, m_limits{limits}, m_result{result}
    {
    }

    void note_elements_in(Walked* walked) { m_walked = walked; }
    void note_items_in(std::vector<ItemPlace>* items) { m_items = items; }

    /// `end` may be open_end: until the delimiter or, for a data set, until the source ends.
    void start(Kind kind, Coding coding, std::uint64_t end)
    {
        m_levels.push_back({.kind = kind, .coding = coding, .end = end, .limit = m_source.size()});
    }

    void run()
    {
        while (!m_levels.empty()) {
            auto& level = m_levels.back();
            if (is_over(level)) {
                leave();
            } else if (level.kind == Kind::sequence) {
                step_in_sequence(level);
            } else if (level.kind == Kind::fragments) {
                step_in_fragments(level);
            } else {
                step_in_data_set(level);
            }
        }
    }

private:
    struct Creator {
        std::uint16_t group;
        std::uint16_t block;
        std::string name;
    };

    struct Level {
        Kind kind;
        Coding coding;
        std::uint64_t end;   ///< open_end: until its delimiter
        std::uint64_t limit; ///< nothing inside may reach beyond
        std::vector<Creator> creators{};
        Tag highest{};                   ///< of its elements so far
        std::uint64_t element_count = 0; ///< likewise
        std::uint64_t creator_count =
            0; ///< in any coding; `creators` are kept for implicit VR only
    };

    struct Element {
        Tag tag;
        std::string_view vr; ///< points into m_vr; empty in implicit VR
        std::uint32_t length = 0;
    };

    [[noreturn]] void fail(std::string_view what) const
    {
        throw Error{Fault::data, "{} at byte {}", what, m_source.position()};
    }

    [[noreturn]] void fail(std::string_view what, Tag tag) const
    {
        throw Error{Fault::data, "{}: element ({:04x},{:04x}) at byte {}",
                    what,        tag.group,
                    tag.element, m_source.position()};
    }

    std::span<const std::byte> need(std::size_t count, const Level& level)
    {
        const auto bytes = m_source.peek(count);
        if (bytes.size() < count || count > level.limit - m_source.position()) {
            fail("an element is cut off");
        }
        return bytes;
    }

    void skip(std::uint64_t count)
    {
        if (!m_source.skip(count)) {
            fail("the data set is cut off");
        }
    }

    [[nodiscard]] bool is_over(const Level& level)
    {
        // Only a deflated data set does not know its end before.
        const bool is_endless = level.end == open_end && level.kind == Kind::data_set;
        return m_source.position() == level.end || (is_endless && m_source.peek(1).empty());
    }

    void leave()
    {
        const bool is_item = m_levels.back().kind == Kind::item;
        const bool is_delimited = m_levels.back().end == open_end;
        m_depth -= m_levels.back().kind == Kind::sequence ? 1U : 0U;
        m_levels.pop_back();
        if (m_levels.size() != 1) {
            return;
        }
        if (is_item && m_items != nullptr) {
            constexpr std::uint64_t delimiter_bytes = 8;
            m_items->back().length =
                m_source.position() - m_items->back().offset - (is_delimited ? delimiter_bytes : 0);
        } else if (!is_item && m_walked != nullptr) {
            m_walked->elements.back().length =
                m_source.position() - m_walked->elements.back().offset;
        }
    }

    void enter(Kind kind, Coding coding, std::uint32_t length)
    {
        const auto& outer = m_levels.back();
        const auto here = m_source.position();
        if (length != undefined_length && length > outer.limit - here) {
            fail("a length reaches beyond its surroundings");
        }
        if (kind == Kind::sequence) {
            ++m_depth;
            m_result.deepest = std::max(m_result.deepest, m_depth);
            if (m_depth > m_limits.max_depth) {
                fail("sequences are nested too deep");
            }
        }
        const auto end = length == undefined_length ? open_end : here + length;
        m_levels.push_back(
            {.kind = kind, .coding = coding, .end = end, .limit = std::min(end, outer.limit)});
    }

    void count_element()
    {
        if (++m_elements > m_limits.max_elements) {
            fail("too many elements");
        }
    }

    static bool is_creator(Tag tag) // PS3.5 §7.8.1
    {
        return tag.group % 2 == 1 && tag.element >= 0x10 && tag.element <= 0xff;
    }

    static bool has_creator(Tag tag) { return tag.group % 2 == 1 && tag.element >= 0x1000; }

    void count_search_steps(Level& level, Tag tag)
    {
        if (tag < level.highest) {
            m_search_steps += level.element_count;
        }
        level.highest = std::max(level.highest, tag);
        ++level.element_count;
        level.creator_count += is_creator(tag) ? 1U : 0U;
        m_search_steps += has_creator(tag) ? level.creator_count : 0U;
        if (m_search_steps > m_limits.max_search_steps) {
            fail("too many elements out of order or of too many private creators");
        }
    }

    /// PS3.5 §7.5: items and, if the length is undefined, one delimiter.
    void step_in_sequence(Level& level)
    {
        const auto bytes = need(8, level);
        const Tag tag{read_u16(bytes, 0, level.coding), read_u16(bytes, 2, level.coding)};
        const auto length = read_u32(bytes, 4, level.coding);
        count_element();
        if (tag == Tag{delimiter_group, item_start}) {
            skip(8);
            if (m_items != nullptr && m_levels.size() == 1) {
                m_items->push_back({m_source.position(), 0});
            }
            enter(Kind::item, level.coding, length);
        } else if (tag == Tag{delimiter_group, sequence_end} && length == 0
                   && level.end == open_end) {
            skip(8);
            leave();
        } else {
            fail("neither item nor end of a sequence", tag);
        }
    }

    /// PS3.5 §A.4: encapsulated pixel data.
    void step_in_fragments(Level& level)
    {
        const auto bytes = need(8, level);
        const Tag tag{read_u16(bytes, 0, level.coding), read_u16(bytes, 2, level.coding)};
        const auto length = read_u32(bytes, 4, level.coding);
        count_element();
        if (tag == Tag{delimiter_group, item_start} && length != undefined_length) {
            skip(8);
            skip_value(length, level, tag);
        } else if (tag == Tag{delimiter_group, sequence_end} && length == 0) {
            skip(8);
            leave();
        } else {
            fail("neither fragment nor end of pixel data", tag);
        }
    }

    void skip_value(std::uint32_t length, const Level& level, Tag tag)
    {
        if (length > level.limit - m_source.position()) {
            fail("a length reaches beyond its surroundings", tag);
        }
        skip(length);
    }

    void step_in_data_set(Level& level)
    {
        const auto start = m_source.position();
        const auto bytes = need(8, level);
        Element element;
        element.tag = {read_u16(bytes, 0, level.coding), read_u16(bytes, 2, level.coding)};
        count_element();
        if (element.tag.group == delimiter_group) {
            end_item(level, element.tag, read_u32(bytes, 4, level.coding));
            return;
        }
        // Inside items both have been seen from real archives, and mean nothing there.
        if (level.kind == Kind::data_set
            && (element.tag.group == 0x0000 || element.tag.group == 0x0002)) {
            fail("group 0000 or 0002 inside the data set", element.tag);
        }
        count_search_steps(level, element.tag);
        read_length(level, element);
        if (m_levels.size() == 1 && element.tag.group == pixel_group
            && (element.tag.element == 0x0010 || element.tag.element == 0x0008
                || element.tag.element == 0x0009)
            && !m_result.pixel_data_offset) {
            m_result.pixel_data_offset = start;
        }
        const bool is_noted = m_walked != nullptr && m_levels.size() == 1;
        if (element.length == undefined_length) {
            enter_undefined(level, element, is_noted);
        } else if (is_sequence(level, element)) {
            // A length of zero is a sequence of no items.
            const auto coding = level.coding;
            if (is_noted) {
                note_place(element, coding, WalkedElement::Kind::sequence);
            }
            enter(Kind::sequence, coding, element.length);
        } else {
            if (is_noted) {
                note_place(element, level.coding, WalkedElement::Kind::value);
                copy_value(element.length);
            }
            note_value(level, element);
            skip_value(element.length, level, element.tag);
        }
    }

    void end_item(const Level& level, Tag tag, std::uint32_t length)
    {
        if (level.kind != Kind::item || level.end != open_end || tag.element != item_end
            || length != 0) {
            fail("a misplaced delimiter", tag);
        }
        skip(8);
        leave();
    }

    /// Leaves the source at the first byte of the value.
    void read_length(const Level& level, Element& element)
    {
        const auto bytes = need(8, level);
        if (level.coding == Coding::implicit_little) {
            element.length = read_u32(bytes, 4, level.coding);
            skip(8);
            return;
        }
        m_vr = {static_cast<char>(bytes[4]), static_cast<char>(bytes[5])};
        element.vr = {m_vr.data(), m_vr.size()};
        if (!std::ranges::all_of(element.vr, [](char c) { return c >= 'A' && c <= 'Z'; })) {
            fail("illegal value representation", element.tag);
        }
        if (has_short_length(element.vr)) {
            element.length = read_u16(bytes, 6, level.coding);
            skip(8);
            return;
        }
        element.length = read_u32(need(12, level), 8, level.coding);
        skip(12);
    }

    void enter_undefined(const Level& level, const Element& element, bool is_noted)
    {
        auto coding = level.coding;
        auto kind = Kind::sequence;
        if (element.tag == Tag{pixel_group, 0x0010} && element.vr != "SQ" && element.vr != "UN") {
            kind = Kind::fragments;
        } else if (element.vr == "UN") {
            // PS3.5 §6.2.2 note 4: whatever the data set, what is inside is implicit VR little endian.
            coding = Coding::implicit_little;
        } else if (coding != Coding::implicit_little && element.vr != "SQ") {
            fail("undefined length of a plain value", element.tag);
        }
        if (is_noted) {
            note_place(element, coding,
                       kind == Kind::fragments ? WalkedElement::Kind::fragments
                                               : WalkedElement::Kind::sequence);
        }
        enter(kind, coding, undefined_length);
    }

    /// The source stands at the value.
    void note_place(const Element& element, Coding coding, WalkedElement::Kind kind)
    {
        const bool is_delimited = element.length == undefined_length;
        m_walked->elements.push_back({.tag = element.tag,
                                      .vr = element.vr.empty() ? std::array<char, 2>{} : m_vr,
                                      .coding = coding,
                                      .kind = kind,
                                      .is_delimited = is_delimited,
                                      .offset = m_source.position(),
                                      .length = is_delimited ? 0 : element.length});
    }

    void copy_value(std::uint32_t length)
    {
        if (length <= m_walked->longest_copied) {
            const auto bytes = m_source.peek(length);
            m_walked->elements.back().copied_at = m_walked->values.size();
            m_walked->values.insert(m_walked->values.end(), bytes.begin(), bytes.end());
        }
    }

    [[nodiscard]] bool is_sequence(const Level& level, const Element& element)
    {
        if (level.coding != Coding::implicit_little) {
            return element.vr == "SQ";
        }
        if (!m_dictionary) {
            m_dictionary.emplace(); // costs milliseconds in a process that never used it before
        }
        if (element.tag.group % 2 == 0) {
            return m_dictionary->is_sequence(element.tag, nullptr);
        }
        if (!has_creator(element.tag)) {
            return false;
        }
        const auto block = static_cast<std::uint16_t>(element.tag.element >> 8U);
        const auto known = std::ranges::find_if(level.creators, [&](const Creator& creator) {
            return creator.group == element.tag.group && creator.block == block;
        });
        return known != level.creators.end()
               && m_dictionary->is_sequence(element.tag, known->name.c_str());
    }

    void note_value(Level& level, const Element& element)
    {
        const auto tag = element.tag;
        if (tag.group % 2 == 1) {
            if (level.coding == Coding::implicit_little && is_creator(tag)
                && element.length <= max_creator_bytes) {
                level.creators.push_back(
                    {tag.group, tag.element, uid_text(m_source.peek(element.length))});
            }
            return;
        }
        if (m_levels.size() != 1) {
            return;
        }
        // Repeated elements are illegal (PS3.5 §7.1) and yet sent; the first one counts, as it
        // does for DCMTK.
        if (tag == Tag{0x0008, 0x0016}) {
            note_uid(0, m_result.sop_class, element);
        } else if (tag == Tag{0x0008, 0x0018}) {
            note_uid(1, m_result.sop_instance, element);
        } else if (tag == Tag{0x0020, 0x000d}) {
            note_uid(2, m_result.study, element);
        } else if (tag == Tag{0x0020, 0x000e}) {
            note_uid(3, m_result.series, element);
        }
    }

    void note_uid(std::size_t which, std::string& target, const Element& element)
    {
        if (!m_seen.at(which)) {
            m_seen.at(which) = true;
            target = uid_text(m_source.peek(std::min<std::size_t>(element.length, max_uid_bytes)));
        }
    }

    ByteSource& m_source;
    const PrescanLimits& m_limits;
    Prescan& m_result;
    Walked* m_walked = nullptr;
    std::vector<ItemPlace>* m_items = nullptr;
    std::optional<SequenceDictionary> m_dictionary;
    std::vector<Level> m_levels;
    std::size_t m_depth = 0;
    std::size_t m_elements = 0;
    std::uint64_t m_search_steps = 0;
    std::array<char, 2> m_vr{};
    std::array<bool, 4> m_seen{};
};

} // namespace

std::string uid_text(std::span<const std::byte> value)
{
    std::string text;
    text.reserve(value.size());
    std::ranges::transform(value, std::back_inserter(text),
                           [](std::byte byte) { return static_cast<char>(byte); });
    const auto last = text.find_last_not_of(std::string_view{"\0 ", 2});
    text.resize(last == std::string::npos ? 0 : last + 1);
    return text;
}

void walk_data_set(ByteSource& source, Coding coding, const PrescanLimits& limits, Prescan& result,
                   Walked* walked)
{
    Walk walk{source, limits, result};
    walk.note_elements_in(walked);
    walk.start(Walk::Kind::data_set, coding, source.size());
    walk.run();
}

Walked walk_item(ByteSource& source, Coding coding)
{
    Prescan scan;
    const PrescanLimits limits;
    Walked walked;
    walked.longest_copied = 0;
    Walk walk{source, limits, scan};
    walk.note_elements_in(&walked);
    walk.start(Walk::Kind::item, coding, source.size());
    walk.run();
    return walked;
}

std::vector<ItemPlace> walk_sequence(ByteSource& source, const WalkedElement& sequence)
{
    Prescan scan;
    const PrescanLimits limits;
    std::vector<ItemPlace> items;
    Walk walk{source, limits, scan};
    walk.note_items_in(&items);
    walk.start(Walk::Kind::sequence, sequence.coding,
               sequence.is_delimited ? open_end : source.size());
    walk.run();
    return items;
}

} // namespace fiona::dicom
