// SPDX-License-Identifier: MIT
#include "libfiona/anonymize/attributes.h"
#include "libfiona/anonymize/data_set.h"
#include "libfiona/base/error.h"

namespace fiona::anonymize {

namespace {

constexpr std::uint32_t undefined_length = 0xffffffffU;
constexpr unsigned max_depth =
    64; // as the pre-scan: deeper files are refused before they come here
constexpr Tag item_tag{0xfffe, 0xe000};
constexpr Tag item_end{0xfffe, 0xe00d};
constexpr Tag sequence_end{0xfffe, 0xe0dd};

struct Head {
    Tag tag;
    Vr vr;
    std::uint32_t length = 0;
};

class Reader {
public:
    Reader(std::string_view bytes, Encoding encoding) : m_bytes{bytes}, m_encoding{encoding} {}

    [[nodiscard]] Parsed read()
    {
        Parsed parsed;
        while (m_at < m_bytes.size()) {
            const auto start = m_at;
            const auto head = read_head(m_bytes.size());
            if (is_pixel_data(head.tag)) {
                m_at = start;
                break;
            }
            parsed.root.elements.push_back(read_element(head, m_bytes.size(), 0));
        }
        parsed.end = m_at;
        return parsed;
    }

    /// The items of a sequence that ends at `end` or, with undefined length, at its delimiter.
    [[nodiscard]] std::vector<Item> read_items(std::uint32_t length, std::size_t limit,
                                               unsigned depth)
    {
        if (depth >= max_depth) {
            fail("sequences are nested too deeply");
        }
        std::vector<Item> items;
        const auto end = end_of(length, limit);
        while (m_at < end) {
            const auto head = read_item_head(end);
            if (head.tag == sequence_end && length == undefined_length) {
                return items;
            }
            if (head.tag != item_tag) {
                fail("a sequence holds something that is no item");
            }
            items.push_back(read_item(head.length, end, depth));
        }
        if (length == undefined_length) {
            fail("a sequence has no end");
        }
        return items;
    }

    [[nodiscard]] bool at_end() const { return m_at == m_bytes.size(); }

private:
    [[noreturn]] void fail(std::string_view what) const
    {
        throw Error{Fault::data, "{} (byte {} of the data set)", what, m_at};
    }

    [[nodiscard]] std::uint32_t byte(std::size_t at) const
    {
        return static_cast<unsigned char>(m_bytes[at]);
    }

    void require(std::size_t count) const
    {
        if (m_bytes.size() - m_at < count) {
            fail("the data set ends too early");
        }
    }

    std::uint16_t read_16()
    {
        require(2);
        const auto first = byte(m_at);
        const auto second = byte(m_at + 1);
        m_at += 2;
        return static_cast<std::uint16_t>(
            m_encoding == Encoding::explicit_big ? first << 8U | second : second << 8U | first);
    }

    std::uint32_t read_32()
    {
        const std::uint32_t first = read_16();
        const std::uint32_t second = read_16();
        return m_encoding == Encoding::explicit_big ? first << 16U | second : second << 16U | first;
    }

    Tag read_tag()
    {
        const auto group = read_16();
        return {group, read_16()};
    }

    /// Nothing may go over `limit`, the end of what holds it: end_of() counts on it.
    void stay_within(std::size_t limit) const
    {
        if (m_at > limit) {
            fail("an element is longer than what holds it");
        }
    }

    Head read_item_head(std::size_t limit)
    {
        Head head;
        head.tag = read_tag();
        head.length = read_32();
        stay_within(limit);
        return head;
    }

    Head read_head(std::size_t limit)
    {
        const auto head = next_head();
        stay_within(limit);
        return head;
    }

    Head next_head()
    {
        Head head;
        head.tag = read_tag();
        if (head.tag.group == 0xfffe) {
            head.length = read_32();
            return head;
        }
        if (m_encoding == Encoding::implicit_little) {
            head.length = read_32();
            const auto* const known = Attributes::standard().find(head.tag);
            const bool creator =
                is_private(head.tag) && head.tag.element >= 0x10 && head.tag.element <= 0xff;
            head.vr = known != nullptr          ? known->vr
                      : creator                 ? Vr{"LO"}
                      : head.tag.element == 0x0 ? Vr{"UL"}
                                                : Vr{"UN"};
            return head;
        }
        require(2);
        head.vr = Vr{m_bytes[m_at], m_bytes[m_at + 1]};
        m_at += 2;
        if (has_short_length(head.vr)) {
            head.length = read_16();
        } else {
            read_16(); // reserved
            head.length = read_32();
        }
        return head;
    }

    /// `limit`: not before m_at.
    [[nodiscard]] std::size_t end_of(std::uint32_t length, std::size_t limit) const
    {
        if (length == undefined_length) {
            return limit;
        }
        if (length > limit - m_at) {
            fail("an element is longer than what holds it");
        }
        return m_at + length;
    }

    Element read_element(const Head& head, std::size_t limit, unsigned depth)
    {
        Element element;
        element.tag = head.tag;
        element.vr = head.vr;
        const bool undefined = head.length == undefined_length;
        if (is_pixel_data(head.tag) && undefined && head.vr != Vr{"SQ"}) {
            element.is_encapsulated = true;
            static_cast<void>(read_fragments(limit));
            return element;
        }
        if (head.vr == Vr{"UN"} && undefined && m_encoding != Encoding::implicit_little) {
            // PS3.5 §6.2.2 note 4: inside it is implicit VR little endian, whatever the data set is.
            const auto before = std::exchange(m_encoding, Encoding::implicit_little);
            element.items = read_items(head.length, limit, depth + 1);
            m_encoding = before;
            element.is_sequence = true;
        } else if (head.vr == Vr{"SQ"} || undefined) {
            element.items = read_items(head.length, limit, depth + 1);
            element.is_sequence = true;
        } else {
            const auto end = end_of(head.length, limit);
            element.stored = m_bytes.substr(m_at, head.length);
            m_at = end;
        }
        if (element.is_sequence) {
            element.vr = "SQ";
        }
        return element;
    }

    Item read_item(std::uint32_t length, std::size_t limit, unsigned depth)
    {
        Item item;
        const auto end = end_of(length, limit);
        while (m_at < end) {
            const auto head = read_head(end);
            if (head.tag == item_end && length == undefined_length) {
                return item;
            }
            if (head.tag.group == 0xfffe) {
                fail("a delimiter stands where an element belongs");
            }
            item.elements.push_back(read_element(head, end, depth));
        }
        if (length == undefined_length) {
            fail("an item has no end");
        }
        return item;
    }

    std::size_t read_fragments(std::size_t limit)
    {
        std::size_t count = 0;
        while (m_at < limit) {
            const auto head = read_item_head(limit);
            if (head.tag == sequence_end) {
                return count;
            }
            if (head.tag != item_tag) {
                break;
            }
            m_at = end_of(head.length, limit);
            ++count;
        }
        fail("the fragments of nested pixel data have no end");
    }

    std::string_view m_bytes;
    Encoding m_encoding;
    std::size_t m_at = 0;
};

} // namespace

Parsed read_data_set(std::string_view bytes, Encoding encoding)
{
    return Reader{bytes, encoding}.read();
}

std::optional<std::vector<Item>> read_unknown_sequence(std::string_view bytes)
{
    constexpr std::string_view item_start{"\xfe\xff\x00\xe0", 4};
    if (!bytes.starts_with(item_start)) {
        return std::nullopt;
    }
    try {
        Reader reader{bytes, Encoding::implicit_little};
        auto items = reader.read_items(static_cast<std::uint32_t>(bytes.size()), bytes.size(), 1);
        return reader.at_end() ? std::optional{std::move(items)} : std::nullopt;
    } catch (const Error&) {
        return std::
            nullopt; // binary that only begins like a sequence: the caller treats it as such
    }
}

} // namespace fiona::anonymize
