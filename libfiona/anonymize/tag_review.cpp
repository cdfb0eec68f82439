// SPDX-License-Identifier: MIT
#include "libfiona/anonymize/tag_review.h"

#include "libfiona/anonymize/attributes.h"
#include "libfiona/anonymize/charset.h"
#include "libfiona/anonymize/engine.h"
#include "libfiona/anonymize/rules.h"
#include "libfiona/anonymize/source_file.h"
#include "libfiona/anonymize/text_encoding.h"
#include "libfiona/base/digest.h"
#include "libfiona/base/error.h"
#include "libfiona/base/files.h"
#include "libfiona/base/html.h"
#include "libfiona/base/text.h"

#include <fmt/format.h>

#include <map>
#include <unordered_set>

namespace fiona::anonymize {

namespace fs = std::filesystem;

namespace {

constexpr std::size_t longest_example = 120; // characters

struct Gathered {
    std::string keyword, vr;
    std::uint64_t files = 0, values = 0;
    std::uint64_t last_file = 0;
    std::unordered_set<std::uint64_t> seen; ///< first 64 bits of SHA-256
    std::set<std::string> examples;
};

std::string shortened(const std::string& utf8)
{
    std::size_t characters = 0;
    for (std::size_t at = 0; at < utf8.size(); at += code_point_at(utf8, at).bytes) {
        if (++characters > longest_example) {
            return utf8.substr(0, at) + "...";
        }
    }
    return utf8;
}

std::uint64_t short_digest(std::string_view bytes)
{
    std::uint64_t number = 0;
    const auto digest = sha256(bytes);
    for (std::size_t i = 0; i < sizeof number; ++i) {
        number = number << 8U | std::to_integer<std::uint64_t>(digest.at(i));
    }
    return number;
}

class Reviewer {
public:
    explicit Reviewer(std::size_t most_examples) : m_most_examples{most_examples} {}

    void add(const fs::path& file)
    {
        const auto layout = examine(file);
        const SourceFile source{file, layout};
        const auto parsed = read_data_set(source.header(), layout.encoding);
        ++m_files;
        add_item(parsed.root, Charset{declared_charset(parsed.root, "")}, "");
    }

    [[nodiscard]] TagReview take() const
    {
        TagReview review;
        review.files = m_files;
        for (const auto& [path, tag] : m_tags) {
            review.tags.push_back({path,
                                   tag.keyword,
                                   tag.vr,
                                   tag.files,
                                   tag.values,
                                   tag.seen.size(),
                                   {tag.examples.begin(), tag.examples.end()}});
        }
        return review;
    }

private:
    void add_item(const Item& item, const Charset& around, const std::string& path)
    {
        std::optional<Charset> own;
        if (const auto declared = declared_charset(item, ""); !declared.empty()) {
            own.emplace(declared);
        }
        const PrivateBlocks blocks{item};
        for (const auto& element : item.elements) {
            const auto here = path + label(element.tag, blocks);
            if (element.is_sequence) {
                for (const auto& nested : element.items) {
                    add_item(nested, own ? *own : around, here + ">");
                }
            } else {
                add_value(element, own ? *own : around, here);
            }
        }
    }

    static std::string label(Tag tag, const PrivateBlocks& blocks)
    {
        if (const auto key = is_private(tag) ? blocks.key(tag) : std::nullopt) {
            return fmt::format("{:04X},[{}]{:02X}", tag.group, key->creator, key->element);
        }
        return fmt::format("{:04X},{:04X}", tag.group, tag.element);
    }

    void add_value(const Element& element, const Charset& charset, const std::string& path)
    {
        auto& tag = m_tags[path];
        if (tag.values == 0) {
            const auto* const known = Attributes::standard().find(element.tag);
            tag.keyword = known == nullptr ? "" : known->keyword;
            tag.vr = element.vr.text();
        }
        ++tag.values;
        if (tag.last_file != m_files) {
            tag.last_file = m_files;
            ++tag.files;
        }
        const auto value = trimmed(element.stored);
        if (!tag.seen.insert(short_digest(value)).second
            || tag.examples.size() >= m_most_examples) {
            return;
        }
        const auto vr = effective_vr(element);
        tag.examples.insert(is_encoded_text(vr) ? shortened(charset.decode(value, vr).utf8)
                            : is_string(vr)     ? shortened(utf8_from_latin1(value))
                                                : fmt::format("{} bytes", element.stored.size()));
    }

    std::size_t m_most_examples;
    std::uint64_t m_files = 0;
    std::map<std::string, Gathered> m_tags;
};

} // namespace

TagReview review_tags(const std::vector<fs::path>& roots, std::size_t most_examples)
{
    static_cast<void>(Attributes::standard());
    Reviewer reviewer{most_examples};
    std::uint64_t set_aside = 0;
    for (const auto& root : roots) {
        for (const auto& file : input_files(root)) {
            try {
                reviewer.add(file);
            } catch (const Error& error) {
                if (error.fault() != Fault::data) {
                    throw;
                }
                ++set_aside;
            }
        }
    }
    auto review = reviewer.take();
    review.set_aside = set_aside;
    return review;
}

json::Value as_json(const TagReview& review)
{
    json::Array tags;
    for (const auto& tag : review.tags) {
        tags.emplace_back(
            json::Object{{"tag", tag.path},
                         {"keyword", tag.keyword},
                         {"vr", tag.vr},
                         {"files", tag.files},
                         {"count", tag.values},
                         {"distinct", tag.distinct},
                         {"examples", json::Array(tag.examples.begin(), tag.examples.end())}});
    }
    return json::Object{
        {"files", review.files}, {"set_aside", review.set_aside}, {"tags", std::move(tags)}};
}

std::string as_html(const TagReview& review, std::string_view title)
{
    auto page = fmt::format(
        "<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><title>{0}</title>\n"
        "<style>body{{font-family:sans-serif}}table{{border-collapse:collapse}}"
        "td,th{{border:1px solid #ccc;padding:2px 6px;text-align:left;vertical-align:top}}"
        "td.n{{text-align:right}}</style></head><body>\n<h1>{0}</h1>\n<p>{1} files, {2} elements, "
        "{3} files set aside</p>\n<table><tr><th>tag</th><th>keyword</th><th>VR</th><th>files</th>"
        "<th>count</th><th>distinct</th><th>examples</th></tr>\n",
        html_escaped(title), review.files, review.tags.size(), review.set_aside);
    for (const auto& tag : review.tags) {
        std::string examples;
        for (const auto& example : tag.examples) {
            examples += (examples.empty() ? "" : "<br>") + html_escaped(example);
        }
        page += fmt::format("<tr><td>{}</td><td>{}</td><td>{}</td><td class=\"n\">{}</td>"
                            "<td class=\"n\">{}</td><td class=\"n\">{}</td><td>{}</td></tr>\n",
                            html_escaped(tag.path), html_escaped(tag.keyword), html_escaped(tag.vr),
                            tag.files, tag.values, tag.distinct, examples);
    }
    return page + "</table></body></html>\n";
}

} // namespace fiona::anonymize
