// SPDX-License-Identifier: MIT
#include "libfiona/anonymize/data_set.h"
#include "libfiona/base/error.h"

namespace fiona::anonymize {

namespace {

class Writer {
public:
    explicit Writer(Encoding encoding) : m_encoding{encoding} {}

    void item(const Item& item)
    {
        for (const auto& element : item.elements) {
            write(element);
        }
    }

    std::string take() { return std::move(m_bytes); }

private:
    void put_16(std::uint32_t number)
    {
        const auto low = static_cast<char>(number & 0xffU);
        const auto high = static_cast<char>(number >> 8U & 0xffU);
        const bool big = m_encoding == Encoding::explicit_big;
        m_bytes += big ? high : low;
        m_bytes += big ? low : high;
    }

    void put_32(std::uint32_t number)
    {
        const bool big = m_encoding == Encoding::explicit_big;
        put_16(big ? number >> 16U : number & 0xffffU);
        put_16(big ? number & 0xffffU : number >> 16U);
    }

    void put_tag(Tag tag)
    {
        put_16(tag.group);
        put_16(tag.element);
    }

    void head(Tag tag, Vr vr, std::size_t length)
    {
        put_tag(tag);
        if (m_encoding == Encoding::implicit_little) {
            put_32(static_cast<std::uint32_t>(length));
            return;
        }
        m_bytes += vr.text();
        if (!has_short_length(vr)) {
            put_16(0);
            put_32(static_cast<std::uint32_t>(length));
        } else if (length <= 0xfffe) {
            put_16(static_cast<std::uint32_t>(length));
        } else {
            throw Error{Fault::data, "{} is too long for its representation", to_string(tag)};
        }
    }

    void write(const Element& element)
    {
        constexpr std::uint32_t undefined = 0xffffffffU;
        if (element.is_sequence) {
            if (element.items.empty()) {
                head(element.tag, "SQ", 0);
                return;
            }
            head(element.tag, "SQ", undefined);
            for (const auto& nested : element.items) {
                put_tag({0xfffe, 0xe000});
                put_32(undefined);
                item(nested);
                put_tag({0xfffe, 0xe00d});
                put_32(0);
            }
            put_tag({0xfffe, 0xe0dd});
            put_32(0);
            return;
        }
        const auto value = element.value();
        const bool odd = value.size() % 2 != 0;
        head(element.tag, element.vr, value.size() + (odd ? 1 : 0));
        m_bytes += value;
        if (odd) {
            const bool blank = is_string(element.vr) && element.vr != Vr{"UI"};
            m_bytes += blank ? ' ' : '\0';
        }
    }

    Encoding m_encoding;
    std::string m_bytes;
};

} // namespace

std::string write_data_set(const Item& root, Encoding encoding)
{
    Writer writer{encoding};
    writer.item(root);
    return writer.take();
}

} // namespace fiona::anonymize
