// SPDX-License-Identifier: MIT
#include "tests/support/some_slide.h"

#include "tests/support/svs_maker.h"

namespace {

slide_maker::SvsPlan plan_of(SomeSlide::Kind kind)
{
    slide_maker::SvsPlan plan;
    if (kind == SomeSlide::Kind::another) {
        plan.width += plan.tile;
    }
    return plan;
}

} // namespace

SomeSlide::SomeSlide(Kind kind) : m_path{m_directory / "PROVE-04711.svs"}
{
    const auto plan = plan_of(kind);
    m_levels = plan.levels;
    m_width = plan.width;
    m_identity = slide_maker::make_svs(m_path, plan);
}

std::string SomeSlide::identity_in(const std::string& bytes) const
{
    for (const auto& text : m_identity) {
        if (bytes.find(text) != std::string::npos) {
            return text;
        }
    }
    return {};
}
