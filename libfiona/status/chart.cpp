// SPDX-License-Identifier: MIT
#include "libfiona/status/chart.h"

#include "libfiona/base/html.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

namespace fiona::status {

namespace {

// About as wide as a telephone: text keeps its size there, and a screen shows several side by side.
constexpr double width = 360;
constexpr double height = 150;
constexpr double left = 46;
constexpr double right = 8;
constexpr double top = 10;
constexpr double bottom = 22;

double highest(const Chart& chart)
{
    double most = 0;
    for (const auto& point : chart.points) {
        most = std::max(most, point.y);
    }
    return most;
}

double height_of(double value, double most)
{
    return (height - top - bottom) * std::clamp(value / most, 0.0, 1.0);
}

std::string text(double x, double y, std::string_view anchor, std::string_view words)
{
    return fmt::format(R"(<text x="{:.1f}" y="{:.1f}" text-anchor="{}">{}</text>)", x, y, anchor,
                       html_escaped(words));
}

/// Frame, lines with their values, the labels of both ends. Where all is nothing there is no scale.
std::string with_axes(const Chart& chart, const std::string& body)
{
    auto svg = fmt::format(
        R"(<figure><figcaption>{}</figcaption><svg viewBox="0 0 {} {}" role="img" aria-label="{}">)",
        html_escaped(chart.title), width, height, html_escaped(chart.title));
    const auto most = highest(chart);
    for (const double share : {0.0, 0.5, 1.0}) {
        if (share > 0 && most <= 0) {
            break;
        }
        const auto y = height - bottom - height_of(share, 1);
        svg += fmt::format(R"(<line class="grid" x1="{}" y1="{:.1f}" x2="{}" y2="{:.1f}"/>)", left,
                           y, width - right, y);
        svg += text(left - 5, y + 4, "end", chart.value_text(round_top(most) * share));
    }
    svg += body;
    if (most <= 0) {
        svg += text((left + width) / 2, height / 2, "middle",
                    chart.points.empty() ? "nothing known yet" : "none");
    }
    if (!chart.points.empty()) {
        svg += text(left, height - 6, "start", chart.points.front().label);
    }
    if (chart.points.size() > 1) {
        svg += text(width - right, height - 6, "end", chart.points.back().label);
    }
    return svg + "</svg></figure>\n";
}

} // namespace

double round_top(double value)
{
    if (!(value > 0)) {
        return 1;
    }
    const auto power = std::pow(10.0, std::floor(std::log10(value)));
    for (const double step : {1.0, 2.0, 5.0}) {
        if (value <= step * power * (1 + 1e-9)) {
            return step * power;
        }
    }
    return 10 * power;
}

std::string bar_chart(const Chart& chart)
{
    const auto most = round_top(highest(chart));
    const auto step =
        (width - left - right) / std::max(1.0, static_cast<double>(chart.points.size()));
    std::string body;
    auto x = left;
    for (const auto& point : chart.points) {
        const auto tall = height_of(point.y, most);
        body += fmt::format(
            R"(<rect class="bar" x="{:.1f}" y="{:.1f}" width="{:.1f}" height="{:.1f}"><title>{}: {}</title></rect>)",
            x + step * 0.1, height - bottom - tall, step * 0.8, tall, html_escaped(point.label),
            html_escaped(chart.value_text(point.y)));
        x += step;
    }
    return with_axes(chart, body);
}

std::string line_chart(const Chart& chart)
{
    const auto most = round_top(highest(chart));
    std::string body;
    if (chart.points.size() == 1 && chart.points[0].y > 0) {
        body = fmt::format(R"(<circle class="dot" cx="{:.1f}" cy="{:.1f}" r="3"/>)", left,
                           height - bottom - height_of(chart.points[0].y, most));
    } else if (chart.points.size() > 1) {
        const auto first = chart.points.front().x;
        const auto span = std::max(1.0, chart.points.back().x - first);
        std::string line;
        for (const auto& point : chart.points) {
            line += fmt::format("{:.1f},{:.1f} ",
                                left + (width - left - right) * (point.x - first) / span,
                                height - bottom - height_of(point.y, most));
        }
        body = fmt::format(
            R"(<polygon class="area" points="{:.1f},{:.1f} {}{:.1f},{:.1f}"/><polyline class="line" points="{}"/>)",
            left, height - bottom, line, width - right, height - bottom, line);
    }
    return with_axes(chart, body);
}

} // namespace fiona::status
