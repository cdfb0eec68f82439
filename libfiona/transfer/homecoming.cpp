// SPDX-License-Identifier: MIT
#include "libfiona/transfer/homecoming.h"

#include "libfiona/anonymize/data_set.h"
#include "libfiona/anonymize/output_file.h"
#include "libfiona/anonymize/source_file.h"
#include "libfiona/anonymize/uid_map.h"
#include "libfiona/base/error.h"
#include "libfiona/base/text.h"

#include <algorithm>
#include <array>

namespace fiona::transfer {

using anonymize::Element;
using anonymize::Item;
using anonymize::Tag;
using anonymize::Vr;

namespace {

constexpr Tag sop_class_tag{0x0008, 0x0016};
constexpr Tag sop_instance_tag{0x0008, 0x0018};
constexpr Tag study_date_tag{0x0008, 0x0020};
constexpr Tag accession_tag{0x0008, 0x0050};
constexpr Tag institution_tag{0x0008, 0x0080};
constexpr Tag referenced_instance_tag{0x0008, 0x1155};
constexpr Tag study_tag{0x0020, 0x000d};
constexpr Tag series_tag{0x0020, 0x000e};

std::string uid_of(const Item& root, Tag tag)
{
    const auto* const element = root.find(tag);
    return element == nullptr ? std::string{} : std::string{trimmed(element->value())};
}

/// Places that name another object: what stands there must be known.
bool is_reference(Tag tag)
{
    return tag == referenced_instance_tag || tag == study_tag || tag == series_tag;
}

class Homecoming {
public:
    Homecoming(const anonymize::Origin& origin, const std::set<std::string>& own)
        : m_origin{origin}, m_own{own}
    {
    }

    void rewrite(Item& root) const
    {
        for (const auto tag : {sop_instance_tag, series_tag}) {
            if (m_origin.originals.contains(uid_of(root, tag))) {
                throw Error{Fault::data, "it is one of ours, sent back as it was"};
            }
        }
        for (auto& element : root.elements) {
            if (element.tag == study_tag) {
                element.set(m_origin.study.str());
            } else if (element.tag != sop_instance_tag && element.tag != series_tag) {
                rewrite_element(element);
            }
        }
    }

private:
    void rewrite_element(Element& element) const
    {
        for (auto& item : element.items) {
            for (auto& inner : item.elements) {
                rewrite_element(inner);
            }
        }
        if (element.vr == Vr{"UI"} && !element.is_sequence) {
            rewrite_uids(element);
        }
    }

    void rewrite_uids(Element& element) const
    {
        std::string changed;
        bool is_changed = false;
        const auto values = split(element.value(), '\\');
        for (std::size_t i = 0; i < values.size(); ++i) {
            const std::string uid{trimmed(values[i])};
            const auto original = m_origin.originals.find(uid);
            changed += i == 0 ? "" : "\\";
            if (original != m_origin.originals.end()) {
                changed += original->second;
                is_changed = true;
                continue;
            }
            changed += uid;
            if (is_reference(element.tag) && !uid.empty() && !m_own.contains(uid)
                && !anonymize::is_standard_uid(uid)) {
                throw Error{Fault::data, "{} refers to an object that was not sent to project {}",
                            anonymize::to_string(element.tag), m_origin.project};
            }
        }
        if (is_changed) {
            element.set(std::move(changed));
        }
    }

    const anonymize::Origin& m_origin;
    const std::set<std::string>& m_own;
};

void put(Item& root, Tag tag, Vr vr, const std::string& value)
{
    auto* element = root.find(tag);
    if (element == nullptr) {
        const auto place = std::ranges::lower_bound(root.elements, tag, {}, &Element::tag);
        element = &*root.elements.insert(place, Element{});
        element->tag = tag;
        element->vr = vr;
    }
    element->set(value);
}

bool is_ascii(std::string_view text)
{
    return std::ranges::all_of(text, [](char c) { return c >= ' ' && c < '\x7f'; });
}

void put_facts(Item& root, const HomeFacts& facts)
{
    const auto& accession = facts.accession_number.reveal();
    if (is_ascii(accession)) {
        put(root, accession_tag, "SH", accession);
    }
    put(root, institution_tag, "LO", "external");
    const auto& date = facts.study_date.reveal();
    if (auto* const element = root.find(study_date_tag); element != nullptr && !date.empty()) {
        element->set(date);
    }
}

} // namespace

void write_with_origin(const std::filesystem::path& source, const std::filesystem::path& target,
                       const anonymize::Origin& origin, const HomeFacts& facts,
                       const std::set<std::string>& own)
{
    const auto layout = anonymize::examine(source);
    const anonymize::SourceFile file{source, layout};
    auto parsed = anonymize::read_data_set(file.header(), layout.encoding);
    Homecoming{origin, own}.rewrite(parsed.root);
    put_facts(parsed.root, facts);
    anonymize::Rewritten identity;
    identity.sop_class = uid_of(parsed.root, sop_class_tag);
    identity.new_sop = uid_of(parsed.root, sop_instance_tag);
    const std::string_view syntax =
        layout.is_deflated ? std::string_view{"1.2.840.10008.1.2.1"} : layout.transfer_syntax;
    anonymize::OutputFile output{target};
    static_cast<void>(output.write(identity, syntax,
                                   anonymize::write_data_set(parsed.root, layout.encoding),
                                   [&](int fd) { return file.copy_pixels(fd, parsed.end); }));
    output.publish();
}

} // namespace fiona::transfer
